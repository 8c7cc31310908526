package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// convolution keeps the size of a picture: its kernel has an odd side, and zeros are around the picture.
type convolution[T gemm.Float] struct {
	// lines has a matrix for each line of the kernel: [side * stride, out], where stride is that of the planes that it reads.
	lines     []*gemm.Matrix[T]
	bias      []T
	out, side int
	round     func([]T)
}

// convolution reads prefix + "w", [out, in, side, side], and prefix + "b".
func (l *loader[T]) convolution(prefix string, out, in, side int) (c convolution[T], err error) {
	c = convolution[T]{lines: make([]*gemm.Matrix[T], side), out: out, side: side, round: l.round}
	for line := range side {
		if c.lines[line], err = l.kernelLine(prefix+"w", out, in, side, line); err != nil {
			return c, err
		}
	}
	c.bias, err = l.values(prefix + "b")
	return c, err
}

// kernelLine reads one line of the kernels of a convolution.
func (l *loader[T]) kernelLine(name string, out, in, side, line int) (*gemm.Matrix[T], error) {
	stride := newPlane[T](geometry{1, 1, in, 0}).stride
	area := side * side
	var spare []T
	return l.pack(name, out, side*stride, func(lines []T, view tensor.View, raw []byte, first int) error {
		count := len(lines) / (side * stride)
		size := in * area
		if len(spare) < count*size {
			spare = make([]T, count*size)
		}
		bytes := size * view.DType.Size()
		if err := tensor.Decode(spare[:count*size], view.DType, raw[first*bytes:][:count*bytes]); err != nil {
			return err
		}
		clear(lines)
		for o := range count {
			for column := range side {
				into, from := lines[(o*side+column)*stride:], spare[o*size+line*side+column:]
				for i := range in {
					into[i] = from[i*area]
				}
			}
		}
		if l.round != nil {
			l.round(lines)
		}
		return nil
	})
}

// mostPanels is how many panels one task computes at most: with them and the rows of a block, the products fit the second-level cache.
const mostPanels = 8

// apply writes the convolution of x to y, which has the same size. finish, if not nil, gets the results of a part of a pixel and writes them to into, which holds
// what was in y. The error is that of ctx.
func (c *convolution[T]) apply(ctx context.Context, work *planes[T], y, x *plane[T], finish func(into, results []T)) error {
	count := x.count()
	rows := gemm.BlockRows[T](count)
	blocks := (count + rows - 1) / rows
	panels := c.lines[0].Panels()
	group := min(mostPanels, c.group(work.threads, blocks))
	groups := (panels + group - 1) / group
	return parallel.Until(ctx, work.threads, blocks*groups, func(worker, i int) {
		first, left := i%blocks*rows, i/blocks*group
		here, right := min(rows, count-first), min(panels, left+group)
		products := work.memory(worker, here*group*c.lines[0].PanelColumns())
		columns := c.piece(products, x, first, here, left, right)
		c.place(y, products[:here*columns], x, first, here, left*c.lines[0].PanelColumns(), finish)
	})
}

// memory returns memory of a thread, whose values may be anything.
func (l *planes[T]) memory(worker, size int) []T {
	if len(l.products[worker]) < size {
		l.products[worker] = make([]T, size)
	}
	return l.products[worker][:size]
}

// group returns how many panels one task computes: few, so that all threads finish at about the same time.
func (c *convolution[T]) group(threads, blocks int) int {
	const tasksPerThread = 6
	panels := c.lines[0].Panels()
	return max(1, panels/max(1, threads*tasksPerThread/blocks))
}

// piece computes the columns of some panels for pixels from first on, also for those between the lines, which mean nothing. It returns how many columns these are.
func (c *convolution[T]) piece(products []T, x *plane[T], first, count, left, right int) int {
	wide := c.lines[0].PanelColumns()
	bias := c.bias[left*wide : min(c.out, right*wide)]
	for line := products[:count*len(bias)]; len(line) > 0; line = line[len(bias):] {
		copy(line, bias)
	}
	half := c.side / 2
	for line, matrix := range c.lines {
		from := x.lead() + first + (line-half)*x.pitch() - half
		part := matrix.Part(left, right)
		part.MultiplyAdd(products, len(bias), gemm.ViewRows(x.data[from*x.stride:], count, c.side*x.stride, x.stride), 0, part.Panels())
	}
	return len(bias)
}

// place writes products to the pixels of y: the channels from left on.
func (c *convolution[T]) place(y *plane[T], products []T, x *plane[T], first, count, left int, finish func(into, results []T)) {
	columns := len(products) / count
	for i := range count {
		line, column := (first+i)/x.pitch(), (first+i)%x.pitch()
		if column >= x.width {
			continue
		}
		results, into := products[i*columns:(i+1)*columns], y.pixel(line, column)[left:left+columns]
		if c.round != nil {
			c.round(results)
		}
		if finish != nil {
			finish(into, results)
		} else {
			copy(into, results)
		}
	}
}
