//go:build libtorch

package torch

import (
	"context"
	"time"
)

// MatrixRate returns how many floating-point operations a second libtorch reaches on the CPU in products of float32 matrices, [size, size], with that many
// threads. It multiplies at least twice and for at least the given time, and takes the fastest product. No model can be faster than this rate, so benchmarks
// compare models with it. An exception of libtorch is an *OperatorError.
func MatrixRate(ctx context.Context, size, threads int, atLeast time.Duration) (float64, error) {
	t := newThread(threads)
	defer t.close()
	s := &scope{}
	fastest := time.Duration(1<<63 - 1)
	err := t.do(func() {
		defer s.close()
		values := make([]float32, size*size)
		for i := range values {
			values[i] = float32(i%61)/61 - 0.5
		}
		x, y := s.floats(values, int64(size), int64(size)), s.floats(values, int64(size), int64(size))
		// The first product is not timed.
		for begin, products := time.Now(), 0; products < 3 || time.Since(begin) < atLeast; products++ {
			if s.fail(ctx.Err()); s.err != nil {
				return
			}
			start := time.Now()
			s.within(func(s *scope) { s.matmul(x, y) })
			if took := time.Since(start); products > 0 {
				fastest = min(fastest, took)
			}
		}
	})
	if err == nil {
		err = s.err
	}
	if err != nil {
		return 0, err
	}
	n := float64(size)
	return 2 * n * n * n / fastest.Seconds(), nil
}
