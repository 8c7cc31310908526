package elementary

import (
	"math"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The functions in assembly replace n values in place. See elementary_amd64.s for the table.

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

// fast reports whether this processor has the instructions of the assembly.
var fast = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL

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

func fastExp[T Float](values []T, shift T) (sum float64) {
	var sums [8]float64
	if at := unsafe.Pointer(unsafe.SliceData(values)); unsafe.Sizeof(shift) == 4 {
		expFloat32((*float32)(at), len(values), &table[0], float32(shift), &sums)
	} else {
		expFloat64((*float64)(at), len(values), &table[0], float64(shift), &sums)
	}
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}

func fastDivide[T Float](values []T, by T) {
	if at := unsafe.Pointer(unsafe.SliceData(values)); unsafe.Sizeof(by) == 4 {
		divideFloat32((*float32)(at), len(values), float32(by))
	} else {
		divideFloat64((*float64)(at), len(values), float64(by))
	}
}

func fastGELU[T Float](values []T) {
	if at := unsafe.Pointer(unsafe.SliceData(values)); unsafe.Sizeof(T(0)) == 4 {
		geluFloat32((*float32)(at), len(values), &table[0])
	} else {
		geluFloat64((*float64)(at), len(values), &table[0])
	}
}
