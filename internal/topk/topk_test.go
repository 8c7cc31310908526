package topk_test

import (
	"math"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/internal/topk"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		values []float64
		n      int
		want   []int
	}{
		{"largest first", []float64{1, 5, 3}, 2, []int{1, 2}},
		{"ties keep their order", []float64{2, 2, 2}, 2, []int{0, 1}},
		{"fewer than asked for", []float64{4}, 5, []int{0}},
		{"NaN", []float64{4, math.NaN()}, 1, nil},
	} {
		if got := topk.Of(c.values, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
