// Package topk finds the largest of some numbers.
package topk

import "slices"

// Of returns the indices of the n largest values, largest first; of equal values the first counts as larger. It returns nil if a value is NaN.
func Of(values []float64, n int) []int {
	n = max(0, min(n, len(values)))
	best := make([]int, 0, n+1)
	for i, v := range values {
		if v != v {
			return nil
		}
		at := len(best)
		for at > 0 && v > values[best[at-1]] {
			at--
		}
		best = slices.Insert(best, at, i)
		best = best[:min(len(best), n)]
	}
	return best
}
