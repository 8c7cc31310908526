//go:build !amd64 && !arm64

package gemm

// kernels returns what this processor can run, best first.
func kernels[T Float]() []kernel[T] { return []kernel[T]{portable[T]()} }
