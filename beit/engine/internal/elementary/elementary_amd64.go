package elementary

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The functions in assembly with AVX-512 take any number of values, and compute the same bits as those with AVX2, which are in elementary_by8.go and compute all of
// float32.

//go:noescape
func expFloat64(values *float64, n int, table *float64, shift float64, sums *[8]float64)

//go:noescape
func divideFloat64(values *float64, n int, by float64)

//go:noescape
func geluFloat64(values *float64, n int, table *float64)

// fast reports whether this processor has the instructions of some assembly, and avx512 whether it has those of the wider one.
var (
	avx512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL
	fast   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
)

// wide returns where the values are, if they are of float64 and the processor has AVX-512.
func wide[T Float](values []T) *float64 {
	if !avx512 || unsafe.Sizeof(T(0)) == 4 {
		return nil
	}
	return (*float64)(unsafe.Pointer(unsafe.SliceData(values)))
}

func fastExp[T Float](values []T, shift T) (sum float64) {
	var sums [8]float64
	if at := wide(values); at != nil {
		expFloat64(at, len(values), &table[0], float64(shift), &sums)
	} else {
		expAnyLength(values, shift, &sums)
	}
	return total(sums)
}

func fastDivide[T Float](values []T, by T) {
	if at := wide(values); at != nil {
		divideFloat64(at, len(values), float64(by))
	} else {
		divideAnyLength(values, by)
	}
}

func fastGELU[T Float](values []T) {
	if at := wide(values); at != nil {
		geluFloat64(at, len(values), &table[0])
	} else {
		geluAnyLength(values)
	}
}
