//go:build libtorch

package main

import (
	"github.com/beitzoo/beitzoo/zoo/engine"
	"github.com/beitzoo/beitzoo/zoo/engine/torch"
)

// libtorchEngines is the engine that needs cgo.
func libtorchEngines() []engine.Engine { return []engine.Engine{torch.Engine{}} }

// cudaDevices is how many libtorch can use.
func cudaDevices() int { return torch.CUDADevices() }
