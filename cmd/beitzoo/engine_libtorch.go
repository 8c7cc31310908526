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

// libtorchEngines is the engine that needs cgo.
func libtorchEngines() []engine.Engine { return []engine.Engine{torch.Engine{}} }

// cudaDevices is how many libtorch can use.
func cudaDevices() int { return torch.CUDADevices() }

// matrixRate is what libtorch reaches in matrix products of that many rows, with that many threads, all where it is 0, in operations a second.
func matrixRate(ctx context.Context, size, threads int) (float64, error) {
	return torch.MatrixRate(ctx, size, cmp.Or(threads, runtime.GOMAXPROCS(0)), 200*time.Millisecond)
}

// libtorchHint returns what the user can type about an exception of libtorch, or "".
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
