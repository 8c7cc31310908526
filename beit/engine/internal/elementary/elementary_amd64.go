package elementary

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The functions in assembly with AVX-512 take any number of values, and compute the same bits as those with AVX2, which are in elementary_by8.go.

//go:noescape
func expFloat32(values *float32, n int, table *float64, shift float32, sums *[8]float64)

//go:noescape
func expFloat64(values *float64, n int, table *float64, shift float64, sums *[8]float64)

//go:noescape
func divideFloat32(values *float32, n int, by float32)

//go:noescape
func divideFloat64(values *float64, n int, by float64)

//go:noescape
func geluFloat32(values *float32, n int, table *float64)

//go:noescape
func geluFloat64(values *float64, n int, table *float64)

// fast reports whether this processor has the instructions of some assembly, and avx512 whether it has those of the wider one.
var (
	avx512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL
	fast   = avx512 || cpu.X86.HasAVX2 && cpu.X86.HasFMA
)

func fastExp[T Float](values []T, shift T) (sum float64) {
	var sums [8]float64
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(shift) == 4; {
	case avx512 && narrow:
		expFloat32((*float32)(at), len(values), &table[0], float32(shift), &sums)
	case avx512:
		expFloat64((*float64)(at), len(values), &table[0], float64(shift), &sums)
	default:
		expAnyLength(values, shift, &sums)
	}
	return total(sums)
}

func fastDivide[T Float](values []T, by T) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(by) == 4; {
	case avx512 && narrow:
		divideFloat32((*float32)(at), len(values), float32(by))
	case avx512:
		divideFloat64((*float64)(at), len(values), float64(by))
	default:
		divideAnyLength(values, by)
	}
}

func fastGELU[T Float](values []T) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(T(0)) == 4; {
	case avx512 && narrow:
		geluFloat32((*float32)(at), len(values), &table[0])
	case avx512:
		geluFloat64((*float64)(at), len(values), &table[0])
	default:
		geluAnyLength(values)
	}
}
