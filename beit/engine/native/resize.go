package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// interpolation resizes a plane: between the centres of pixels it is linear in both directions, and the outer pixels are continued. Other programs call it bilinear
// with align_corners false.
type interpolation[T gemm.Float] struct {
	from           *plane[T]
	lines, columns []spot[T]
	round          func([]T)
}

// spot is a place between two pixels: share of the way from the lower to the upper one.
type spot[T gemm.Float] struct {
	lower, upper int
	share        T
}

func newInterpolation[T gemm.Float](x *plane[T], height, width int, round func([]T)) *interpolation[T] {
	return &interpolation[T]{x, spots[T](x.height, height), spots[T](x.width, width), round}
}

// spots returns where the centres of to pixels are among those of from pixels.
func spots[T gemm.Float](from, to int) []spot[T] {
	all := make([]spot[T], to)
	for i := range all {
		place := max(0, (float64(i)+0.5)*float64(from)/float64(to)-0.5)
		lower := min(int(place), from-1)
		all[i] = spot[T]{lower, min(lower+1, from-1), T(place - float64(lower))}
	}
	return all
}

// pixel writes the channels of a pixel.
func (p *interpolation[T]) pixel(into []T, line, column int) {
	down, across := p.lines[line], p.columns[column]
	a, b := p.from.pixel(down.lower, across.lower)[:len(into)], p.from.pixel(down.lower, across.upper)[:len(into)]
	c, d := p.from.pixel(down.upper, across.lower)[:len(into)], p.from.pixel(down.upper, across.upper)[:len(into)]
	left, top := 1-across.share, 1-down.share
	for i := range into {
		into[i] = (a[i]*left+b[i]*across.share)*top + (c[i]*left+d[i]*across.share)*down.share
	}
	if p.round != nil {
		p.round(into)
	}
}

// resized returns x in another size. The error is that of ctx.
func (l *planes[T]) resized(ctx context.Context, x *plane[T], height, width int, round func([]T)) (*plane[T], error) {
	y, p := l.take(geometry{height, width, x.channels, x.pad}), newInterpolation(x, height, width, round)
	return y, parallel.Until(ctx, l.threads, height, func(_, line int) {
		for column := range width {
			p.pixel(y.pixel(line, column), line, column)
		}
	})
}

// addResized adds x in the size of y to y. The error is that of ctx.
func (l *planes[T]) addResized(ctx context.Context, y, x *plane[T], round func([]T)) error {
	p := newInterpolation(x, y.height, y.width, round)
	return parallel.Until(ctx, l.threads, y.height, func(worker, line int) {
		values := l.memory(worker, y.channels)
		for column := range y.width {
			p.pixel(values, line, column)
			into := y.pixel(line, column)
			for i, v := range values {
				into[i] += v
			}
			if round != nil {
				round(into)
			}
		}
	})
}

// averaged returns side x side means of x, each of a window; the windows overlap where the sides of x are not multiples, and are those of PyTorch's
// adaptive_avg_pool2d. The error is that of ctx.
func (l *planes[T]) averaged(ctx context.Context, x *plane[T], side int, round func([]T)) (*plane[T], error) {
	y := l.take(geometry{side, side, x.channels, x.pad})
	return y, parallel.Until(ctx, l.threads, side*side, func(_, i int) {
		top, bottom := window(i/side, side, x.height)
		left, right := window(i%side, side, x.width)
		sums := make([]float64, x.channels)
		for line := top; line < bottom; line++ {
			for column := left; column < right; column++ {
				for c, v := range x.pixel(line, column) {
					sums[c] += float64(v)
				}
			}
		}
		into := y.pixel(i/side, i%side)
		for c, v := range sums {
			into[c] = T(v / float64((bottom-top)*(right-left)))
		}
		if round != nil {
			round(into)
		}
	})
}

// window returns which of length pixels the mean number i of count is of.
func window(i, count, length int) (from, to int) {
	return i * length / count, ((i+1)*length + count - 1) / count
}
