package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// plane is a picture, channels last, with zeros around it: between the end of a line and the beginning of the next there are pad of them, which are both right of
// the one and left of the other. So what a convolution multiplies lies in memory as a matrix, whose rows overlap, and nothing is copied.
type plane[T gemm.Float] struct {
	height, width, channels, pad int
	// stride is the number of elements from pixel to pixel.
	stride int
	data   []T
}

// geometry is what planes that can take each other's place have in common.
type geometry struct{ height, width, channels, pad int }

// awkward is a distance in bytes between pixels at which those of a tile would all be in the same lines of the first-level cache.
const awkward = 2048

// newPlane makes a plane of zeros.
func newPlane[T gemm.Float](g geometry) *plane[T] {
	p := &plane[T]{height: g.height, width: g.width, channels: g.channels, pad: g.pad, stride: g.channels}
	const line = 16
	if p.stride*elementBytes[T]()%awkward == 0 {
		p.stride += line
	}
	// Behind the last pixel is what the convolution there reads, and what the rows read that fill up the last tile.
	p.data = make([]T, (2*p.lead()+gemm.PaddedRows[T](p.count()))*p.stride)
	return p
}

func elementBytes[T gemm.Float]() int {
	if _, double := any(T(0)).(float64); double {
		return 8
	}
	return 4
}

func (p *plane[T]) geometry() geometry { return geometry{p.height, p.width, p.channels, p.pad} }

// pitch is the number of pixels from line to line.
func (p *plane[T]) pitch() int { return p.width + p.pad }

// lead is the number of pixels before the first.
func (p *plane[T]) lead() int { return p.pad*p.pitch() + p.pad }

// count is the number of pixels from the first to the last, with those between the lines.
func (p *plane[T]) count() int { return (p.height-1)*p.pitch() + p.width }

// pixel returns the channels of a pixel.
func (p *plane[T]) pixel(y, x int) []T {
	at := (p.lead() + y*p.pitch() + x) * p.stride
	return p.data[at : at+p.channels]
}

// planes lends planes, so that a forward pass needs the memory of those that it uses at the same time.
type planes[T gemm.Float] struct {
	threads int
	spare   map[geometry][]*plane[T]
	// products has the memory of each thread for a part of a convolution.
	products [][]T
}

func newPlanes[T gemm.Float](threads int) *planes[T] {
	return &planes[T]{threads: threads, spare: map[geometry][]*plane[T]{}, products: make([][]T, threads)}
}

// take returns a plane that nobody uses. Its pixels have any values; what is around them is zero.
func (l *planes[T]) take(g geometry) *plane[T] {
	if free := l.spare[g]; len(free) > 0 {
		l.spare[g] = free[:len(free)-1]
		return free[len(free)-1]
	}
	return newPlane[T](g)
}

// free says that nobody uses a plane any more.
func (l *planes[T]) free(p *plane[T]) { l.spare[p.geometry()] = append(l.spare[p.geometry()], p) }

// elementsPerTask is how many elements a task of a simple operation has.
const elementsPerTask = 1 << 15

// rectified returns a copy of x without its negative values. The error is that of ctx.
func (l *planes[T]) rectified(ctx context.Context, x *plane[T]) (*plane[T], error) {
	y := l.take(x.geometry())
	return y, parallel.Chunks(ctx, l.threads, len(x.data), elementsPerTask, func(_, from, to int) { rectify(y.data[from:to], x.data[from:to]) })
}

// rectify writes the values that are not negative; a NaN stays one.
func rectify[T gemm.Float](into, values []T) {
	into = into[:len(values)]
	for i, v := range values {
		if v < 0 {
			v = 0
		}
		into[i] = v
	}
}

// halved returns the largest of each 2 x 2 pixels, and frees x. The error is that of ctx.
func (l *planes[T]) halved(ctx context.Context, x *plane[T]) (*plane[T], error) {
	y := l.take(geometry{x.height / 2, x.width / 2, x.channels, x.pad})
	err := parallel.Until(ctx, l.threads, y.height, func(_, line int) {
		for column := range y.width {
			into := y.pixel(line, column)
			copy(into, x.pixel(2*line, 2*column))
			for _, other := range [][]T{x.pixel(2*line, 2*column+1), x.pixel(2*line+1, 2*column), x.pixel(2*line+1, 2*column+1)} {
				for i, v := range other {
					if v > into[i] || v != v {
						into[i] = v
					}
				}
			}
		}
	})
	l.free(x)
	return y, err
}

// doubled returns 2 x 2 pixels for each, and frees x. The error is that of ctx.
func (l *planes[T]) doubled(ctx context.Context, x *plane[T]) (*plane[T], error) {
	y := l.take(geometry{2 * x.height, 2 * x.width, x.channels, x.pad})
	err := parallel.Until(ctx, l.threads, y.height, func(_, line int) {
		for column := range y.width {
			copy(y.pixel(line, column), x.pixel(line/2, column/2))
		}
	})
	l.free(x)
	return y, err
}

// planar writes a plane as [channels, height, width].
func planar[T gemm.Float, V float32 | float64](into []V, x *plane[T]) {
	area := x.height * x.width
	for line := range x.height {
		for column := range x.width {
			for i, v := range x.pixel(line, column) {
				into[i*area+line*x.width+column] = V(v)
			}
		}
	}
}

// fill sets a plane to values, [channels, height, width].
func fill[T gemm.Float, V float32 | float64](x *plane[T], values []V) {
	area := x.height * x.width
	for line := range x.height {
		for column := range x.width {
			for i := range x.channels {
				x.pixel(line, column)[i] = T(values[i*area+line*x.width+column])
			}
		}
	}
}

// freeAll says that nobody uses some planes any more.
func (l *planes[T]) freeAll(all []*plane[T]) {
	for _, p := range all {
		l.free(p)
	}
}
