package native

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// convolution keeps the size of a picture: its kernel has an odd side, and zeros are around the picture.
type convolution[T gemm.Float] struct {
	// lines has a matrix for each line of the kernel: [side * stride, out], where stride is that of the planes that it reads.
	lines []*gemm.Matrix[T]
	// bias is nil if there is none, as before a batch norm, which is scale and shift; these are nil if there is none.
	bias, scale, shift []T
	out, side          int
	round              func([]T)
}

// convolution reads prefix + "w", [out, in, side, side], and prefix + "b".
func (l *loader[T]) convolution(prefix string, out, in, side int) (convolution[T], error) {
	return l.biased(prefix+"w", prefix+"b", out, in, side)
}

// biased reads a convolution with a bias.
func (l *loader[T]) biased(weight, bias string, out, in, side int) (c convolution[T], err error) {
	parts, err := l.kernels(weight, out, []int{in}, side)
	if err != nil {
		return c, err
	}
	c = convolution[T]{lines: parts[0], out: out, side: side, round: l.round}
	c.bias, err = l.values(bias)
	return c, err
}

// kernels reads a weight, [out, in, side, side], of a convolution of several planes, which have so many channels, that is in together. It returns the lines of the
// kernels for each of the planes.
func (l *loader[T]) kernels(name string, out int, channels []int, side int) ([][]*gemm.Matrix[T], error) {
	name = l.prefix + name
	view, parts := l.views[name], make([][]*gemm.Matrix[T], len(channels))
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		if err != nil {
			return err
		}
		all := kernel{raw: raw, dtype: view.DType, side: side}
		for _, in := range channels {
			all.in += in
		}
		for i, in := range channels {
			for line := range side {
				matrix := l.memory.take(matrixShape{out: out, in: side * newPlane[T](geometry{1, 1, in, 0}).stride})
				if err := fillLine(matrix, &all, out, in, line, l.round); err != nil {
					return err
				}
				parts[i] = append(parts[i], matrix)
			}
			all.first += in
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", name, err)
	}
	return parts, nil
}

// kernel is a weight, [out, in, side, side], of which the channels from first on are read.
type kernel struct {
	raw             []byte
	dtype           tensor.DType
	in, side, first int
}

// fillLine packs one line of the kernels for in channels.
func fillLine[T gemm.Float](matrix *gemm.Matrix[T], k *kernel, out, in, line int, round func([]T)) error {
	area, stride, size := k.side*k.side, newPlane[T](geometry{1, 1, in, 0}).stride, k.dtype.Size()
	spare := make([]T, in*area)
	return matrix.FillTransposedBy(out, k.side*stride, func(lines []T, first int) error {
		clear(lines)
		for o := range len(lines) / (k.side * stride) {
			from := ((first+o)*k.in + k.first) * area * size
			if err := tensor.Decode(spare, k.dtype, k.raw[from:from+len(spare)*size]); err != nil {
				return err
			}
			for column := range k.side {
				into, from := lines[(o*k.side+column)*stride:], spare[line*k.side+column:]
				for i := range in {
					into[i] = from[i*area]
				}
			}
		}
		if round != nil {
			round(lines)
		}
		return nil
	})
}

// mostPanels is how many panels one task computes at most: with them and the rows of a block, the products fit the second-level cache.
const mostPanels = 8

// target is where a convolution writes its results.
type target[T gemm.Float] struct {
	plane *plane[T]
	// adds says that they are added to what is there.
	adds bool
	// The pixel of a line and column becomes that of times*line + down and times*column + across.
	times, down, across int
	// finish, if not nil, gets the results of a part of a pixel, and writes them to into, which holds what was there.
	finish func(into, results []T)
}

// pixel returns the channels of the pixel that a pixel of x becomes, and false if it is between the lines. at counts from the first pixel of x.
func (t *target[T]) pixel(x *plane[T], at int) ([]T, bool) {
	line, column := at/x.pitch(), at%x.pitch()
	if column >= x.width {
		return nil, false
	}
	return t.plane.pixel(t.times*line+t.down, t.times*column+t.across), true
}

// apply writes the convolution of x to y, which has the same size. finish is that of a target. The error is that of ctx.
func (c *convolution[T]) apply(ctx context.Context, work *planes[T], y, x *plane[T], finish func(into, results []T)) error {
	return c.write(ctx, work, &target[T]{plane: y, times: 1, finish: finish}, x)
}

// write writes the convolution of x to y. The error is that of ctx.
func (c *convolution[T]) write(ctx context.Context, work *planes[T], y *target[T], x *plane[T]) error {
	count, height := x.count(), gemm.PaddedRows[T](1)
	split := divide(divideUp(count, height), gemm.BlockRows[T](count)/height, c.lines[0].Panels(), work.threads)
	split.wide = min(mostPanels, split.wide)
	return parallel.Until(ctx, work.threads, split.tasks(), func(worker, i int) {
		top, bottom, left, right := split.task(i)
		first, here := top*height, min(count, bottom*height)-top*height
		products := work.memory(worker, here*(right-left)*c.lines[0].PanelColumns())
		columns := c.piece(products, y, x, first, here, left, right)
		c.place(y, products[:here*columns], x, first, here, left*c.lines[0].PanelColumns())
	})
}

// memory returns memory of a thread, whose values may be anything.
func (l *planes[T]) memory(worker, size int) []T {
	if len(l.products[worker]) < size {
		l.products[worker] = make([]T, size)
	}
	return l.products[worker][:size]
}

// piece computes the columns of some panels for pixels from first on, also for those between the lines, which mean nothing. It returns how many columns these are.
func (c *convolution[T]) piece(products []T, y *target[T], x *plane[T], first, count, left, right int) int {
	wide := c.lines[0].PanelColumns()
	from, to := left*wide, min(c.out, right*wide)
	columns := to - from
	for i := range count {
		line := products[i*columns : (i+1)*columns]
		if !y.adds {
			clear(line[copy(line, c.bias[min(from, len(c.bias)):min(to, len(c.bias))]):])
		} else if into, inside := y.pixel(x, first+i); inside {
			copy(line, into[from:to])
		} else {
			clear(line)
		}
	}
	half := c.side / 2
	for line, matrix := range c.lines {
		from := x.lead() + first + (line-half)*x.pitch() - half
		part := matrix.Part(left, right)
		part.MultiplyAdd(products, columns, gemm.ViewRows(x.data[from*x.stride:], count, c.side*x.stride, x.stride), 0, part.Panels())
	}
	return columns
}

// place writes products to the pixels of y: the channels from left on.
func (c *convolution[T]) place(y *target[T], products []T, x *plane[T], first, count, left int) {
	columns := len(products) / count
	for i := range count {
		pixel, inside := y.pixel(x, first+i)
		if !inside {
			continue
		}
		results, into := products[i*columns:(i+1)*columns], pixel[left:left+columns]
		if c.round != nil {
			c.round(results)
		}
		c.normalise(results, left)
		if y.finish != nil {
			y.finish(into, results)
		} else {
			copy(into, results)
		}
	}
}

// normalise computes the batch norm, if there is one, of the channels from left on.
func (c *convolution[T]) normalise(results []T, left int) {
	if c.scale == nil {
		return
	}
	scale, shift := c.scale[left:left+len(results)], c.shift[left:left+len(results)]
	for i, v := range results {
		results[i] = v*scale[i] + shift[i]
	}
	if c.round != nil {
		c.round(results)
	}
}
