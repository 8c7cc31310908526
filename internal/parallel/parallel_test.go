package parallel_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

func TestEach(t *testing.T) {
	t.Parallel()
	var visits [37]atomic.Int32
	if err := parallel.Each(t.Context(), len(visits), func(_ context.Context, i int) error { visits[i].Add(1); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range visits {
		if got := visits[i].Load(); got != 1 {
			t.Errorf("index %d visited %d times", i, got)
		}
	}
	broken := errors.New("broken")
	if err := parallel.Each(t.Context(), 3, func(context.Context, int) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	err := parallel.Each(ended, 3, func(context.Context, int) error { t.Error("a call began after the end"); return nil })
	if !errors.Is(err, broken) {
		t.Errorf("cause %v", err)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, cost int }{{0, 1}, {1, 1}, {7, 1 << 20}, {1000, 1 << 10}} {
		var covered atomic.Int64
		parallel.Ranges(c.n, c.cost, func(from, to int) { covered.Add(int64(to - from)) })
		if covered.Load() != int64(c.n) {
			t.Errorf("n %d: covered %d", c.n, covered.Load())
		}
	}
}

func TestFor_VisitsEachIndexOnce(t *testing.T) {
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

func TestChunks_CoverTheRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, size int }{{0, 3}, {1, 3}, {9, 3}, {10, 3}} {
		var covered atomic.Int64
		err := parallel.Chunks(t.Context(), 2, c.n, c.size, func(_, from, to int) {
			if to-from > c.size || to > c.n {
				t.Errorf("n %d size %d: range [%d, %d)", c.n, c.size, from, to)
			}
			covered.Add(int64(to - from))
		})
		if err != nil || covered.Load() != int64(c.n) {
			t.Errorf("n %d size %d: covered %d, error %v", c.n, c.size, covered.Load(), err)
		}
	}
}

// TestUntil_StopsBetweenCalls ends the context in the fourth call: at most one more call of each other worker may run.
func TestUntil_StopsBetweenCalls(t *testing.T) {
	t.Parallel()
	for _, threads := range []int{1, 3} {
		ctx, stop := context.WithCancel(t.Context())
		var calls atomic.Int32
		err := parallel.Until(ctx, threads, 1000, func(int, int) {
			if calls.Add(1) == 4 {
				stop()
			}
		})
		if got := int(calls.Load()); !errors.Is(err, context.Canceled) || got < 4 || got > 4+2*(threads-1) {
			t.Errorf("%d threads: %d calls, error %v", threads, got, err)
		}
	}
}
