//go:build !libtorch

package main

import "github.com/beitzoo/beitzoo/zoo/engine"

// libtorchEngines is empty in a build without libtorch.
func libtorchEngines() []engine.Engine { return nil }

// cudaDevices is 0 in a build without libtorch.
func cudaDevices() int { return 0 }
