package parallel_test

import (
	"sync/atomic"
	"testing"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

func TestForVisitsEachIndexOnce(t *testing.T) {
	t.Parallel()
	for _, threads := range []int{0, 1, 2, 7, 100} {
		visits := make([]atomic.Int32, 37)
		busy := make([]atomic.Int32, max(threads, 1))
		parallel.For(threads, len(visits), func(worker, i int) {
			if busy[worker].Add(1) != 1 {
				t.Errorf("%d threads: two iterations share worker %d at once", threads, worker)
			}
			visits[i].Add(1)
			busy[worker].Add(-1)
		})
		for i := range visits {
			if got := visits[i].Load(); got != 1 {
				t.Errorf("%d threads: index %d visited %d times", threads, i, got)
			}
		}
	}
}

func TestChunksCoverTheRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, size int }{{0, 3}, {1, 3}, {9, 3}, {10, 3}} {
		var covered atomic.Int64
		parallel.Chunks(2, c.n, c.size, func(_, from, to int) {
			if to-from > c.size || to > c.n {
				t.Errorf("n %d size %d: range [%d, %d)", c.n, c.size, from, to)
			}
			covered.Add(int64(to - from))
		})
		if covered.Load() != int64(c.n) {
			t.Errorf("n %d size %d: covered %d", c.n, c.size, covered.Load())
		}
	}
}
