package convert

import (
	"bytes"
	"context"
	"math"
	"sync"

	"github.com/beitzoo/beitzoo/tensor"
)

// guarded returns do, for parallel.Each, with a guard (tensor.Guard) against files that are cut short while they are read.
func guarded(do func(ctx context.Context, i int) error) func(ctx context.Context, i int) error {
	return func(ctx context.Context, i int) error {
		return tensor.Guard(func() error { return do(ctx, i) })
	}
}

// pieceFunc is a writer that calls itself with every piece.
type pieceFunc func(p []byte) error

func (f pieceFunc) Write(p []byte) (int, error) {
	if err := f(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// counter reports progress of several goroutines, one call after another, so that done never decreases.
type counter struct {
	total  int64
	report func(done, total int64)

	mu   sync.Mutex
	done int64
}

func (c *counter) add(n int) {
	if c.report == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += int64(n)
	c.report(c.done, c.total)
}

// accumulator computes the statistics of a stream of elements.
type accumulator struct {
	dtype          tensor.DType
	rest           []byte
	values         [4096]float64
	nan, inf, zero int64
	count          int64
	min, max, sum  float64
}

// add takes a piece, which need not end with an element.
func (a *accumulator) add(p []byte) error {
	if len(a.rest) > 0 {
		p = append(a.rest, p...)
	}
	width := a.dtype.Size()
	for len(p) >= width {
		count := min(len(p)/width, len(a.values))
		values := a.values[:count]
		if err := tensor.Decode(values, a.dtype, p[:count*width]); err != nil {
			return err
		}
		a.gather(values)
		p = p[count*width:]
	}
	a.rest = bytes.Clone(p)
	return nil
}

func (a *accumulator) gather(values []float64) {
	for _, v := range values {
		switch {
		case v-v != 0: // NaN and the infinities
			if math.IsNaN(v) {
				a.nan++
			} else {
				a.inf++
			}
			continue
		case v == 0:
			a.zero++
		}
		a.min, a.max = min(a.min, v), max(a.max, v)
		a.sum += v
		a.count++
	}
}

func (a *accumulator) statistics() *Statistics {
	s := &Statistics{NaN: a.nan, Inf: a.inf, Zero: a.zero}
	if a.count > 0 {
		s.Min, s.Max, s.Mean = a.min, a.max, a.sum/float64(a.count)
	}
	return s
}
