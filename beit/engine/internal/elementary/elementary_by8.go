//go:build amd64 || arm64

package elementary

import (
	"math"
	"unsafe"
)

// The functions in assembly replace n values in place: a multiple of 8, not 0. The exponentials are added to sums.

//go:noescape
func expFloat32By8(values *float32, n int, table *[4]float64, shift float32, sums *[8]float64)

//go:noescape
func expFloat64By8(values *float64, n int, table *[4]float64, shift float64, sums *[8]float64)

//go:noescape
func divideFloat32By8(values *float32, n int, by float32)

//go:noescape
func divideFloat64By8(values *float64, n int, by float64)

//go:noescape
func geluFloat32By8(values *float32, n int, table *[4]float64)

//go:noescape
func geluFloat64By8(values *float64, n int, table *[4]float64)

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

// expAnyLength adds the exponentials to eight sums.
func expAnyLength[T Float](values []T, shift T, sums *[8]float64) {
	whole, last, padded := eights(values, T(math.Inf(-1))) // which adds 0
	expBy8(whole, shift, sums)
	if len(last) > 0 {
		expBy8(padded[:], shift, sums)
		copy(last, padded[:])
	}
}

func expBy8[T Float](values []T, shift T, sums *[8]float64) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(shift) == 4; {
	case len(values) == 0:
	case narrow:
		expFloat32By8((*float32)(at), len(values), &table4[0], float32(shift), sums)
	default:
		expFloat64By8((*float64)(at), len(values), &table4[0], float64(shift), sums)
	}
}

func divideAnyLength[T Float](values []T, by T) {
	whole, last, _ := eights(values, 1)
	at := unsafe.Pointer(unsafe.SliceData(whole))
	switch narrow := unsafe.Sizeof(by) == 4; {
	case len(whole) == 0:
	case narrow:
		divideFloat32By8((*float32)(at), len(whole), float32(by))
	default:
		divideFloat64By8((*float64)(at), len(whole), float64(by))
	}
	plainDivide(last, by)
}

func geluAnyLength[T Float](values []T) {
	whole, last, padded := eights(values, 0)
	geluBy8(whole)
	if len(last) > 0 {
		geluBy8(padded[:])
		copy(last, padded[:])
	}
}

func geluBy8[T Float](values []T) {
	at := unsafe.Pointer(unsafe.SliceData(values))
	switch narrow := unsafe.Sizeof(T(0)) == 4; {
	case len(values) == 0:
	case narrow:
		geluFloat32By8((*float32)(at), len(values), &table4[0])
	default:
		geluFloat64By8((*float64)(at), len(values), &table4[0])
	}
}

// total adds up the eight sums.
func total(sums [8]float64) float64 {
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}
