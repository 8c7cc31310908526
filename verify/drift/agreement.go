package drift

import "slices"

// Agreement says for how many rows of logits two runs name the same classes.
type Agreement struct {
	// Rows is the number of rows: images, or patches in masked image modelling.
	Rows int
	// Top1 is how many rows have the same largest logit; Top5, how many have the same five largest in any order (all, where there
	// are fewer classes).
	Top1, Top5 int
}

// Agree compares logits of [rows, classes]. A row with a NaN agrees with nothing. Of equal logits the first counts as larger.
func Agree(got, want []float64, classes int) Agreement {
	var a Agreement
	for ; len(want) >= classes; got, want = got[classes:], want[classes:] {
		a.Rows++
		g, w := Top(got[:classes], 5), Top(want[:classes], 5)
		if g == nil || w == nil {
			continue
		}
		if g[0] == w[0] {
			a.Top1++
		}
		slices.Sort(g)
		slices.Sort(w)
		if slices.Equal(g, w) {
			a.Top5++
		}
	}
	return a
}

// Share is the share of rows, 1 without rows.
func (a Agreement) Share(rows int) float64 {
	if a.Rows == 0 {
		return 1
	}
	return float64(rows) / float64(a.Rows)
}

// Top gives the indices of the n largest values, largest first, or nil where a value is NaN.
func Top(values []float64, n int) []int {
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
