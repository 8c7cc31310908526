//go:build !libtorch

package main

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// libtorchEngines returns nothing in a build without libtorch.
func libtorchEngines() []engine.Engine { return nil }

// cudaDevices returns 0 in a build without libtorch.
func cudaDevices() int { return 0 }

// matrixRate returns an error in a build without libtorch.
func matrixRate(context.Context, int, int) (float64, error) { return 0, noLibtorch() }

// libtorchHint returns "" in a build without libtorch.
func libtorchHint(error) string { return "" }
