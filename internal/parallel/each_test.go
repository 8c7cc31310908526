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
