package elementary

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The functions in assembly with AVX-512 take any number of values, and compute the same bits as those with AVX2, which are in elementary_by8.go.

//go:noescape
func expFloat64(values *float64, n int, table *float64, shift float64, sums *[8]float64)

//go:noescape
func expFloat32(values *float32, n int, table *float32, shift float32, sums *[8]float64)

//go:noescape
func divideFloat64(values *float64, n int, by float64)

//go:noescape
func divideFloat32(values *float32, n int, by float32)

//go:noescape
func geluFloat64(values *float64, n int, table *float64)

//go:noescape
func geluFloat32(values *float32, n int, table *float32)

// largestFloat32 and largestFloat64 return the largest of values that are not NaN, and negative infinity if there are none.
//
//go:noescape
func largestFloat32(values *float32, n int) float32

//go:noescape
func largestFloat64(values *float64, n int) float64

// fast reports whether this processor has the instructions of some assembly, and avx512 whether it has those of the wider one.
var (
	avx512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL
	fast   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
)

// at returns where the values are, as those of their type: the other is nil.
func at[T Float](values []T) (*float32, *float64) {
	place := unsafe.Pointer(unsafe.SliceData(values))
	if unsafe.Sizeof(T(0)) == 4 {
		return (*float32)(place), nil
	}
	return nil, (*float64)(place)
}

func fastExp[T Float](values []T, shift T) (sum float64) {
	var sums [8]float64
	switch short, long := at(values); {
	case !avx512:
		expAnyLength(values, shift, &sums)
	case long != nil:
		expFloat64(long, len(values), &table[0], float64(shift), &sums)
	case short != nil:
		expFloat32(short, len(values), &narrow[0], float32(shift), &sums)
	}
	return total(sums)
}

func fastDivide[T Float](values []T, by T) {
	switch short, long := at(values); {
	case !avx512:
		divideAnyLength(values, by)
	case long != nil:
		divideFloat64(long, len(values), float64(by))
	case short != nil:
		divideFloat32(short, len(values), float32(by))
	}
}

func fastGELU[T Float](values []T) {
	switch short, long := at(values); {
	case !avx512:
		geluAnyLength(values)
	case long != nil:
		geluFloat64(long, len(values), &table[0])
	case short != nil:
		geluFloat32(short, len(values), &narrow[0])
	}
}

// fastLargest returns the largest of the values, if the processor has the instructions.
func fastLargest[T Float](values []T) (largest T, done bool) {
	switch short, long := at(values); {
	case !avx512:
	case long != nil:
		return T(largestFloat64(long, len(values))), true
	case short != nil:
		return T(largestFloat32(short, len(values))), true
	}
	return 0, false
}
