package native

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// norm is a LayerNorm over the channels of each token.
type norm[T gemm.Float] struct {
	weight, bias []T
	epsilon      T
	round        func([]T)
}

// rowsPerTask is the number of rows for one task of an elementwise operation.
const rowsPerTask = 32

// apply normalises each row of x, [rows, C], and writes it to y, which may be x. The error is that of ctx.
func (n *norm[T]) apply(ctx context.Context, threads int, y, x []T, rows int) error {
	width := len(n.weight)
	return parallel.Chunks(ctx, threads, rows, rowsPerTask, func(_, from, to int) {
		for i := from; i < to; i++ {
			n.line(y[i*width:(i+1)*width], x[i*width:(i+1)*width])
		}
		if n.round != nil {
			n.round(y[from*width : to*width])
		}
	})
}

// pack normalises each row of x, [rows, C], into left, as a product takes it. hot has a memory for each thread. The error is that of ctx.
func (n *norm[T]) pack(ctx context.Context, threads int, left gemm.Rows[T], x []T, rows int, hot [][]T) error {
	width, atOnce := len(n.weight), 3*left.TileRows()
	return parallel.Chunks(ctx, threads, rows, atOnce, func(worker, from, to int) {
		hot[worker] = sized(hot[worker], atOnce*width)
		lines := hot[worker][:(to-from)*width]
		for i := from; i < to; i++ {
			n.line(lines[(i-from)*width:(i-from+1)*width], x[i*width:(i+1)*width])
		}
		if n.round != nil {
			n.round(lines)
		}
		left.Put(from, 0, lines, to-from, width, width)
	})
}

func (n *norm[T]) line(y, x []T) {
	width := T(len(x))
	mean := elementary.Sum(x) / width
	variance := elementary.Squares(x, mean) / width
	elementary.Normalise(y, x, mean, T(1/math.Sqrt(float64(variance+n.epsilon))), n.weight, n.bias)
}
