package gemm

import "golang.org/x/sys/cpu"

// The assembly kernels, with the arguments of kernel.multiply.

//go:noescape
func multiplyFloat32AVX2(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr)

//go:noescape
func multiplyFloat64AVX2(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr)

//go:noescape
func multiplyFloat32AVX512(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr)

//go:noescape
func multiplyFloat64AVX512(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr)

// kernels returns what this processor can run, best first.
func kernels[T Float]() []kernel[T] {
	var found []kernel[T]
	add := func(has bool, candidate any) {
		if k, fits := candidate.(kernel[T]); fits && has {
			found = append(found, k)
		}
	}
	avx2 := cpu.X86.HasAVX2 && cpu.X86.HasFMA
	add(cpu.X86.HasAVX512F, kernel[float32]{"avx512", 12, 32, multiplyFloat32AVX512})
	add(cpu.X86.HasAVX512F, kernel[float64]{"avx512", 12, 16, multiplyFloat64AVX512})
	add(avx2, kernel[float32]{"avx2", 6, 16, multiplyFloat32AVX2})
	add(avx2, kernel[float64]{"avx2", 6, 8, multiplyFloat64AVX2})
	return append(found, portable[T]())
}
