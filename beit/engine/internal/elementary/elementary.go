package elementary

import "math"

// Float are the element types.
type Float interface{ float32 | float64 }

// Exp replaces each value v by exp(v - shift).
func Exp[T Float](values []T, shift T) {
	if fast {
		fastExp(values, shift)
	} else {
		plainExp(values, shift)
	}
}

// GELU replaces each value x by the exact Gaussian error linear unit, x/2 (1 + erf(x/√2)).
func GELU[T Float](values []T) {
	if fast {
		fastGELU(values)
	} else {
		plainGELU(values)
	}
}

func plainExp[T Float](values []T, shift T) {
	for i, v := range values {
		values[i] = T(math.Exp(float64(v - shift)))
	}
}

func plainGELU[T Float](values []T) {
	for i, x := range values {
		values[i] = T(float64(x) * 0.5 * math.Erfc(-float64(x)*(1/math.Sqrt2)))
	}
}
