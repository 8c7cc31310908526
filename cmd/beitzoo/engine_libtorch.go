//go:build libtorch

package main

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
)

// libtorchEngines returns the engine that needs cgo.
func libtorchEngines() []engine.Engine { return []engine.Engine{torch.Engine{}} }

// cudaDevices returns the number of GPUs that libtorch can use.
func cudaDevices() int { return torch.CUDADevices() }

// matrixRate measures products of two float32 matrices of size x size elements in libtorch, on that many threads (0: all cores), and returns
// operations a second.
func matrixRate(ctx context.Context, size, threads int) (float64, error) {
	return torch.MatrixRate(ctx, size, cmp.Or(threads, runtime.GOMAXPROCS(0)), 200*time.Millisecond)
}

// libtorchHint returns what the user can type if libtorch threw an exception, or "".
func libtorchHint(err error) string {
	var script *torch.ScriptError
	var thrown *torch.OperatorError
	switch {
	case errors.As(err, &script) || !errors.As(err, &thrown):
		return ""
	case thrown.OutOfMemory():
		return "use a smaller batch, --dtype bf16, or --device cpu"
	case thrown.Unsupported():
		return "this libtorch cannot compute in that dtype on that device: use --dtype f32"
	}
	return "run `beitzoo doctor`"
}
