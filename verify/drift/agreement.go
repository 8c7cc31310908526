package drift

import (
	"slices"

	"github.com/beitzoo/beitzoo/internal/topk"
)

// Agreement counts the rows of logits for which two runs have the same most probable classes.
type Agreement struct {
	// Rows is the number of rows: images, or patches in masked image modelling.
	Rows int
	// Top1 is the number of rows in which the largest logit is that of the same class in both runs; Top5 that of rows in which the five largest are those of
	// the same classes, in any order.
	Top1, Top5 int
}

// Agree compares logits, [rows, classes]. A row with a NaN does not agree. Of equal logits the first counts as larger.
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

// Share returns rows divided by all rows, or 1 if there are none.
func (a Agreement) Share(rows int) float64 {
	if a.Rows == 0 {
		return 1
	}
	return float64(rows) / float64(a.Rows)
}
