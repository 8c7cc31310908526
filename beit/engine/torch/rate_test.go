//go:build libtorch

package torch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

func TestMatrixRate(t *testing.T) {
	before := live.Load()
	start := time.Now()
	rate, err := MatrixRate(context.Background(), 256, 1, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("it measured for %v only", took)
	}
	// From less than the reference BLAS on a slow machine to more than one core reaches.
	if rate < 1e7 || rate > 1e13 {
		t.Errorf("%g operations a second", rate)
	}
	for _, dtype := range []tensor.DType{tensor.F32, tensor.BF16, tensor.F64} {
		rate, err := Engine{}.ProductRate(context.Background(), 256, engine.Options{DType: dtype, Threads: 1}, 20*time.Millisecond)
		if err != nil || rate < 1e7 || rate > 1e13 {
			t.Errorf("%s: %g operations a second, %v", dtype, rate, err)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := MatrixRate(ended, 256, 1, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := live.Load() - before; left != 0 {
		t.Errorf("%d tensors are left", left)
	}
}
