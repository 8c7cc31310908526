//go:build !libtorch

package main

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// libtorchEngines is empty in a build without libtorch.
func libtorchEngines() []engine.Engine { return nil }

// cudaDevices is 0 in a build without libtorch.
func cudaDevices() int { return 0 }

// matrixRate needs libtorch.
func matrixRate(context.Context, int, int) (float64, error) { return 0, noLibtorch() }

// libtorchHint has nothing to say in a build without libtorch.
func libtorchHint(error) string { return "" }
