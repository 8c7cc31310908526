//go:build libtorch

package main

import (
	"cmp"
	"context"
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
