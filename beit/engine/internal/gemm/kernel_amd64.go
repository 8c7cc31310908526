package gemm

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The assembly kernels, with the arguments of kernel.multiply.

//go:noescape
func multiplyFloat32AVX2(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

//go:noescape
func multiplyFloat64AVX2(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)

//go:noescape
func multiplyFloat32AVX512(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

//go:noescape
func upperFloat32AVX512(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

//go:noescape
func multiplyFloat64AVX512(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)

//go:noescape
func upperFloat64AVX512(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)

// wideIntegers reports whether this processor has the instructions of widenBF16By8 and widenF16By8.
var wideIntegers = cpu.X86.HasAVX2

// kernels returns what this processor can run, best first.
func kernels[T Float]() []kernel[T] {
	var found []kernel[T]
	if cpu.X86.HasAVX512F {
		found = fitting[T](
			kernel[float32]{"avx512", 12, 32, 1, multiplyFloat32AVX512, upperFloat32AVX512},
			kernel[float64]{"avx512", 12, 16, 1, multiplyFloat64AVX512, upperFloat64AVX512},
		)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		found = append(found, fitting[T](kernel[float32]{"avx2", 6, 16, 1, multiplyFloat32AVX2, nil}, kernel[float64]{"avx2", 6, 8, 1, multiplyFloat64AVX2, nil})...)
	}
	return append(found, portable[T]())
}

// The functions in assembly write 4 rows of b, stride bytes apart, as columns of out, whose lines are step bytes apart. n is the length of the rows: a multiple of
// 4 for float64, of 8 for float32, and not 0.

//go:noescape
func interleaveFloat32(out *float32, step uintptr, b *float32, stride uintptr, n int)

//go:noescape
func interleaveFloat64(out *float64, step uintptr, b *float64, stride uintptr, n int)

// interleaveFour writes the beginning of 4 rows of b as columns of out, and returns how much of them it did; n is their length.
func interleaveFour[T Float](out, b []T, width, stride, n int) (done int) {
	size := unsafe.Sizeof(T(0))
	done = n &^ (32/int(size) - 1)
	if !cpu.X86.HasAVX || done == 0 {
		return 0
	}
	to, from := &out[:(done-1)*width+4][0], &b[:3*stride+done][0]
	if size == 4 {
		interleaveFloat32((*float32)(unsafe.Pointer(to)), uintptr(width)*size, (*float32)(unsafe.Pointer(from)), uintptr(stride)*size, done)
	} else {
		interleaveFloat64((*float64)(unsafe.Pointer(to)), uintptr(width)*size, (*float64)(unsafe.Pointer(from)), uintptr(stride)*size, done)
	}
	return done
}
