//go:build libtorch

package torch

import (
	"cmp"
	"context"
	"runtime"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// MatrixRate returns how many floating-point operations a second libtorch reaches on the CPU in products of float32 matrices, [size, size], with that many
// threads. It multiplies at least twice and for at least the given time, and takes the fastest product. An exception of libtorch is an *OperatorError.
func MatrixRate(ctx context.Context, size, threads int, atLeast time.Duration) (float64, error) {
	return productRate(ctx, size, threads, atLeast, func(s *scope, x value) func(*scope) {
		return func(s *scope) { s.matmul(x, x) }
	})
}

// ProductRate is [MatrixRate] for products as the layers of a model on the CPU compute them, in the dtype and with the threads of options: where weights are packed, with a packed
// one. No model can be much faster than this rate, so benchmarks compare models with it.
func (e Engine) ProductRate(ctx context.Context, size int, options engine.Options, atLeast time.Duration) (float64, error) {
	d, known := dtypes[cmp.Or(options.DType, tensor.F32)]
	if !known {
		return 0, &engine.DTypeError{Engine: e.Name(), DType: options.DType, Reason: "it has no such products"}
	}
	threads := cmp.Or(options.Threads, runtime.GOMAXPROCS(0))
	return productRate(ctx, size, threads, atLeast, func(s *scope, x value) func(*scope) {
		x = s.copyTo(x, cpu, d)
		products, _, layout := layouts(cpu, d, options.Batch, threads)
		bias := s.copyTo(s.floats(make([]float32, size), int64(size)), cpu, products)
		layer := s.layer(func(s *scope) value { return s.cast(x, products) }, bias, size, int64(size), int64(size), products, layout)
		layer.widened = products != d
		return func(s *scope) { layer.apply(s, x) }
	})
}

// productRate measures the product that prepare makes of a matrix.
func productRate(ctx context.Context, size, threads int, atLeast time.Duration, prepare func(s *scope, x value) func(*scope)) (float64, error) {
	t := newThread(threads)
	defer t.close()
	fastest := time.Duration(1<<63 - 1)
	err := t.compute(ctx, func(s *scope) {
		values := make([]float32, size*size)
		for i := range values {
			values[i] = float32(i%61)/61 - 0.5
		}
		multiply := prepare(s, s.floats(values, int64(size), int64(size)))
		// The first product is not timed.
		for begin, products := time.Now(), 0; products < 3 || time.Since(begin) < atLeast; products++ {
			if s.fail(ctx.Err()); s.err != nil {
				return
			}
			start := time.Now()
			s.within(multiply)
			if took := time.Since(start); products > 0 {
				fastest = min(fastest, took)
			}
		}
	})
	if err != nil {
		return 0, err
	}
	n := float64(size)
	return 2 * n * n * n / fastest.Seconds(), nil
}
