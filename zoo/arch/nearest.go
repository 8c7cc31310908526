package arch

// Nearest gives the candidate with the smallest edit distance to name, for messages that suggest a correction. Empty without candidates.
func Nearest(name string, candidates []string) string {
	best, nearest := -1, ""
	for _, candidate := range candidates {
		if distance := editDistance(name, candidate); best < 0 || distance < best {
			best, nearest = distance, candidate
		}
	}
	return nearest
}

// editDistance is that of Levenshtein, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitution := diagonal
			if a[i] != b[j] {
				substitution++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitution, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
