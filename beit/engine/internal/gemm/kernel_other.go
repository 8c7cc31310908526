//go:build !amd64

package gemm

// kernels returns what this processor can run, best first.
func kernels[T Float]() []kernel[T] { return []kernel[T]{portable[T]()} }

// interleaveFour does nothing, and returns how much that is.
func interleaveFour[T Float]([]T, []T, int, int, int) int { return 0 }
