//go:build amd64 || arm64

package elementary

import (
	"math"
	"unsafe"
)

// The functions in assembly replace n values in place: a multiple of 8, not 0. The exponentials are added to sums.

//go:noescape
func expFloat32By8(values *float32, n int, table *[8]float32, shift float32, sums *[8]float64)

//go:noescape
func expFloat64By8(values *float64, n int, table *[4]float64, shift float64, sums *[8]float64)

//go:noescape
func divideFloat32By8(values *float32, n int, by float32)

//go:noescape
func divideFloat64By8(values *float64, n int, by float64)

//go:noescape
func geluFloat32By8(values *float32, n int, table *[8]float32)

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

// narrow has the constants of the assembly for float32: those of exp, whose coefficients are of r^7 first; then 1, the bias of exponents, the mask without the sign and 15,
// beyond which exp(-x²/2) is 0; -0.5, 3, what makes t of u = 1/(|x|+3), the coefficients of the normal distribution at -|x|, divided by exp(-x²/2) u, in t, that of t^7
// first; those of central, that of x^10 first, and 0.5. Both are Chebyshev interpolations, computed with 40 digits; relative errors 2^-25.8 and 2^-29.2.
var narrow = [...]float32{
	math.Log2E, math.Ln2, -1.9046543e-09, -150, 100,
	0.000198910798644647, 0.0013933731243014336, 0.00833331048488617, 0.041666463017463684, 0.1666666716337204, 0.5,
	1, math.Float32frombits(127), math.Float32frombits(math.MaxInt32), 15,
	-0.5, 3, 10.370369911193848, -1.5925925,
	2.2531468857778236e-05, 1.2963188055437058e-05, -0.0004725365142803639, -0.0008553410298191011, 0.009705113247036934, 0.07314947992563248, 0.2742895185947418,
	0.6904614567756653,
	-7.66053835832281e-06, 0.0001135022976086475, -0.001186343957670033, 0.009973328560590744, -0.06649035960435867, 0.3989422917366028, 0.5,
}

// table8 has each of them eight times.
var table8 = func() [][8]float32 {
	all := make([][8]float32, len(narrow))
	for i, v := range narrow {
		all[i] = [8]float32{v, v, v, v, v, v, v, v}
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
		expFloat32By8((*float32)(at), len(values), &table8[0], float32(shift), sums)
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
		geluFloat32By8((*float32)(at), len(values), &table8[0])
	default:
		geluFloat64By8((*float64)(at), len(values), &table4[0])
	}
}

// total adds up the eight sums.
func total(sums [8]float64) float64 {
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}
