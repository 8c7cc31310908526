// Package suggest finds the name that somebody probably meant.
package suggest

import "strings"

// Nearest returns the candidate that name was most likely meant to be, or "" if none is near. A candidate is near if it begins with name, or if
// at most a third of its letters, and at least two, have to change.
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

// limit is the largest number of edits after which two words still look alike. Short words are alike by chance, so nearly all of one must remain.
func limit(name, candidate string) int {
	longer := max(len(name), len(candidate))
	if longer <= 4 {
		return 1
	}
	return max(2, longer/3)
}

// isStart reports whether name is the beginning of a candidate, and long enough to say something.
func isStart(name, candidate string) bool {
	return len(name) >= 3 && strings.HasPrefix(candidate, name)
}

// Hint returns what to tell somebody who gave an unknown name: the nearest one, as Nearest returns it, if there is one, and all that are known.
func Hint(nearest string, known []string) string {
	list := strings.Join(known, ", ")
	if nearest == "" {
		return "known: " + list
	}
	return "did you mean " + nearest + "? Known: " + list
}

// Short is Hint without the list if there is a nearest name, for messages that already are one of many.
func Short(name string, known []string) string {
	if nearest := Nearest(name, known); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return Hint("", known)
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
