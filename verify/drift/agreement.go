package drift

import (
	"slices"

	"github.com/beitzoo/beitzoo/internal/topk"
)

// Agreement counts the rows of logits for which two runs name the same classes.
type Agreement struct {
	// Rows is the number of rows: images, or patches in masked image modelling.
	Rows int
	// Top1 is how many rows have the same largest logit; Top5, how many have the same five largest in any order (or all classes, if there are
	// fewer).
	Top1, Top5 int
}

// Agree compares logits, [rows, classes]. A row with a NaN agrees with nothing. Of equal logits the first counts as larger.
func Agree(got, want []float64, classes int) Agreement {
	var a Agreement
	for ; len(want) >= classes; got, want = got[classes:], want[classes:] {
		a.Rows++
		g, w := topk.Of(got[:classes], 5), topk.Of(want[:classes], 5)
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

// Share returns rows as a share of all, or 1 if there are none.
func (a Agreement) Share(rows int) float64 {
	if a.Rows == 0 {
		return 1
	}
	return float64(rows) / float64(a.Rows)
}
