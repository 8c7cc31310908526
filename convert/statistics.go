package convert

import (
	"bytes"
	"math"
	"sync/atomic"

	"github.com/beitzoo/beitzoo/tensor"
)

// pieceFunc is a writer that passes on every piece.
type pieceFunc func(p []byte) error

func (f pieceFunc) Write(p []byte) (int, error) {
	if err := f(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// counter reports progress from several goroutines.
type counter struct {
	done   atomic.Int64
	total  int64
	report func(done, total int64)
}

func (c *counter) add(n int) {
	if c.report != nil {
		c.report(c.done.Add(int64(n)), c.total)
	}
}

// gatherer collects statistics of a stream of elements.
type gatherer struct {
	dtype          tensor.DType
	rest           []byte
	values         [4096]float64
	nan, inf, zero int64
	count          int64
	min, max, sum  float64
}

// add takes a piece, which need not end with an element.
func (g *gatherer) add(p []byte) error {
	if len(g.rest) > 0 {
		p = append(g.rest, p...)
	}
	width := g.dtype.Size()
	for len(p) >= width {
		count := min(len(p)/width, len(g.values))
		values := g.values[:count]
		if err := tensor.Decode(values, g.dtype, p[:count*width]); err != nil {
			return err
		}
		g.gather(values)
		p = p[count*width:]
	}
	g.rest = bytes.Clone(p)
	return nil
}

func (g *gatherer) gather(values []float64) {
	for _, v := range values {
		switch {
		case v-v != 0: // NaN and the infinities
			if math.IsNaN(v) {
				g.nan++
			} else {
				g.inf++
			}
			continue
		case v == 0:
			g.zero++
		}
		g.min, g.max = min(g.min, v), max(g.max, v)
		g.sum += v
		g.count++
	}
}

func (g *gatherer) statistics() *Statistics {
	s := &Statistics{NaN: g.nan, Inf: g.inf, Zero: g.zero}
	if g.count > 0 {
		s.Min, s.Max, s.Mean = g.min, g.max, g.sum/float64(g.count)
	}
	return s
}
