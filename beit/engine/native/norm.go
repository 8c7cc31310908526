package native

import (
	"context"
	"math"

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

func (n *norm[T]) line(y, x []T) {
	width := T(len(x))
	mean := sum(x, func(v T) T { return v }) / width
	variance := sum(x, func(v T) T { return (v - mean) * (v - mean) }) / width
	scale := T(1 / math.Sqrt(float64(variance+n.epsilon)))
	for i, v := range x {
		y[i] = (v-mean)*scale*n.weight[i] + n.bias[i]
	}
}

// sum returns the sum of f(v) over the values. It keeps eight partial sums, which rounds less than one and lets the processor add several at a time.
func sum[T gemm.Float](values []T, f func(T) T) T {
	var s [8]T
	for ; len(values) >= 8; values = values[8:] {
		for i := range s {
			s[i] += f(values[i])
		}
	}
	for i, v := range values {
		s[i] += f(v)
	}
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
}
