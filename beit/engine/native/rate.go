package native

import (
	"context"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// ProductRate returns how many floating-point operations a second the products of layers reach: of matrices, [size, size], in the dtype and with the threads of options. It
// multiplies at least twice and for at least the given time, and takes the fastest product. No model can be much faster than this rate, so benchmarks compare models with it.
func (e Engine) ProductRate(ctx context.Context, size int, options engine.Options, atLeast time.Duration) (float64, error) {
	if options.DType == tensor.F64 {
		return productRate(ctx, size, threadsOf(options), atLeast, precision[float64]{})
	}
	p, err := e.narrow(options.DType)
	if err != nil {
		return 0, err
	}
	return productRate(ctx, size, threadsOf(options), atLeast, p)
}

func productRate[T gemm.Float](ctx context.Context, size, threads int, atLeast time.Duration, p precision[T]) (float64, error) {
	values := make([]T, size*size)
	for i := range values {
		values[i] = T(i%64)/64 - 0.5
	}
	layer := linear[T]{weight: new(gemm.Matrix[T]), out: size, in: size, round: p.round}
	layer.weight.KeepGroups(p.half)
	if err := layer.weight.FillTransposedBy(size, size, func(lines []T, first int) error { copy(lines, values[first*size:]); return nil }); err != nil {
		return 0, err
	}
	layer.bias = layer.weight.Line(nil)
	result := make([]T, size*size)
	fastest := time.Duration(1<<63 - 1)
	// The first product is not timed.
	for begin, products := time.Now(), 0; products < 3 || time.Since(begin) < atLeast; products++ {
		start := time.Now()
		if err := layer.apply(ctx, threads, result, values, size, nil); err != nil {
			return 0, err
		}
		if took := time.Since(start); products > 0 {
			fastest = min(fastest, took)
		}
	}
	n := float64(size)
	return 2 * n * n * n / fastest.Seconds(), nil
}
