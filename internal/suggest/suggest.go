// Package suggest finds the known name that a misspelt one most likely stands for.
package suggest

import "strings"

// Nearest returns the candidate nearest to name by edit distance, or "" if none is near. A candidate is near if it begins with name (of 3 letters or
// more), or if few edits turn one into the other: at most a third of the longer word or 2, whichever is more; 1 for words of up to 4 letters.
func Nearest(name string, candidates []string) string {
	best, nearest := 0, ""
	for _, candidate := range candidates {
		distance := editDistance(name, candidate)
		if distance > limit(name, candidate) && !isStart(name, candidate) {
			continue
		}
		if nearest == "" || distance < best {
			best, nearest = distance, candidate
		}
	}
	return nearest
}

// limit returns the number of edits up to which two words count as near. It is 1 for short words, which are alike by chance.
func limit(name, candidate string) int {
	longer := max(len(name), len(candidate))
	if longer <= 4 {
		return 1
	}
	return max(2, longer/3)
}

// isStart reports whether candidate begins with name, and name is long enough for that not to be chance.
func isStart(name, candidate string) bool {
	return len(name) >= 3 && strings.HasPrefix(candidate, name)
}

// Hint returns the hint for an unknown name: "did you mean NEAREST?", unless nearest is empty, and the list of known names.
func Hint(nearest string, known []string) string {
	list := strings.Join(known, ", ")
	if nearest == "" {
		return "known: " + list
	}
	return "did you mean " + nearest + "? Known: " + list
}

// Short is Hint without the list if a name is near, for messages that appear in a list themselves.
func Short(name string, known []string) string {
	if nearest := Nearest(name, known); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return Hint("", known)
}

// editDistance returns the Levenshtein distance in bytes.
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
