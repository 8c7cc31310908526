package elementary

import (
	"math"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The functions in assembly replace n values in place. Those with AVX2 take a multiple of 8, not 0, and each entry of the table four times, and add to sums; both compute
// the same bits. See elementary_avx512_amd64.s for the table.

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

//go:noescape
func expFloat32AVX2(values *float32, n int, table *[4]float64, shift float32, sums *[8]float64)

//go:noescape
func expFloat64AVX2(values *float64, n int, table *[4]float64, shift float64, sums *[8]float64)

//go:noescape
func divideFloat32AVX2(values *float32, n int, by float32)

//go:noescape
func divideFloat64AVX2(values *float64, n int, by float64)

//go:noescape
func geluFloat32AVX2(values *float32, n int, table *[4]float64)

//go:noescape
func geluFloat64AVX2(values *float64, n int, table *[4]float64)

// fast reports whether this processor has the instructions of some assembly, and avx512 whether it has those of the wider one.
var (
	avx512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL
	fast   = avx512 || cpu.X86.HasAVX2 && cpu.X86.HasFMA
)

// table has the constants of the assembly.
var table = func() []float64 {
	const lowest, highest = -1000, 1000 // beyond, exp is 0 or infinite
	all := []float64{math.Log2E, math.Ln2, 2.3190468138462996e-17, lowest, highest}
	factorials := []float64{1, 1}
	for k := 2; k <= 13; k++ {
		factorials = append(factorials, factorials[k-1]*float64(k))
	}
	for k := 13; k >= 0; k-- {
		all = append(all, 1/factorials[k])
	}
	const farOut = 40 // beyond, exp(-x²/2) is 0
	all = append(all, farOut, 1/math.Sqrt2, 4, 0.5, -0.5, math.Float64frombits(math.MaxInt64))
	for i := range erfcx {
		all = append(all, erfcx[len(erfcx)-1-i])
	}
	return append(all, central()...)
}()

// central returns the coefficients of Q(x²), the last one first: the normal distribution at x is 1/2 + x Q(x²).
func central() []float64 {
	coefficients := make([]float64, 16)
	term := 1 / math.Sqrt(2*math.Pi)
	for k := range coefficients {
		coefficients[len(coefficients)-1-k] = term / float64(2*k+1)
		term /= -2 * float64(k+1)
	}
	return coefficients
}

// table4 has each of them four times, and the bias of exponents as an integer.
var table4 = func() [][4]float64 {
	all := make([][4]float64, 0, len(table)+1)
	for _, v := range append(table[:len(table):len(table)], math.Float64frombits(1023)) {
		all = append(all, [4]float64{v, v, v, v})
	}
	return all
}()

// eights divides values into a multiple of 8 and the last ones, of which it returns a copy with fill behind them.
func eights[T Float](values []T, fill T) (whole, last []T, padded [8]T) {
	n := len(values) &^ 7
	padded = [8]T{fill, fill, fill, fill, fill, fill, fill, fill}
	copy(padded[:], values[n:])
	return values[:n], values[n:], padded
}

func fastExp[T Float](values []T, shift T) (sum float64) {
	var sums [8]float64
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(shift) == 4; {
	case avx512 && narrow:
		expFloat32((*float32)(at), len(values), &table[0], float32(shift), &sums)
	case avx512:
		expFloat64((*float64)(at), len(values), &table[0], float64(shift), &sums)
	default:
		whole, last, padded := eights(values, T(math.Inf(-1))) // which adds 0
		expAVX2(whole, shift, &sums)
		if len(last) > 0 {
			expAVX2(padded[:], shift, &sums)
			copy(last, padded[:])
		}
	}
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}

// expAVX2 is fastExp for a multiple of 8 values. It adds to sums.
func expAVX2[T Float](values []T, shift T, sums *[8]float64) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(shift) == 4; {
	case len(values) == 0:
	case narrow:
		expFloat32AVX2((*float32)(at), len(values), &table4[0], float32(shift), sums)
	default:
		expFloat64AVX2((*float64)(at), len(values), &table4[0], float64(shift), sums)
	}
}

func fastDivide[T Float](values []T, by T) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(by) == 4; {
	case avx512 && narrow:
		divideFloat32((*float32)(at), len(values), float32(by))
	case avx512:
		divideFloat64((*float64)(at), len(values), float64(by))
	default:
		whole, last, _ := eights(values, 1)
		divideAVX2(whole, by)
		plainDivide(last, by)
	}
}

// divideAVX2 is fastDivide for a multiple of 8 values.
func divideAVX2[T Float](values []T, by T) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(by) == 4; {
	case len(values) == 0:
	case narrow:
		divideFloat32AVX2((*float32)(at), len(values), float32(by))
	default:
		divideFloat64AVX2((*float64)(at), len(values), float64(by))
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
		whole, last, padded := eights(values, 0)
		geluAVX2(whole)
		if len(last) > 0 {
			geluAVX2(padded[:])
			copy(last, padded[:])
		}
	}
}

// geluAVX2 is fastGELU for a multiple of 8 values.
func geluAVX2[T Float](values []T) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(T(0)) == 4; {
	case len(values) == 0:
	case narrow:
		geluFloat32AVX2((*float32)(at), len(values), &table4[0])
	default:
		geluFloat64AVX2((*float64)(at), len(values), &table4[0])
	}
}
