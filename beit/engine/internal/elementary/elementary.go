package elementary

import "math"

// Float are the element types.
type Float interface{ float32 | float64 }

// Softmax replaces each value v by exp v, divided by the sum of these. A NaN makes all of them NaN.
func Softmax[T Float](values []T) { Divide(values, T(Exp(values, Largest(values)))) }

// Exp replaces each value v by exp(v - shift), and returns the sum of these, added up in float64.
func Exp[T Float](values []T, shift T) (sum float64) {
	if fast {
		return fastExp(values, shift)
	}
	return plainExp(values, shift)
}

// Divide divides the values by one.
func Divide[T Float](values []T, by T) {
	if fast {
		fastDivide(values, by)
	} else {
		plainDivide(values, by)
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

func plainExp[T Float](values []T, shift T) (sum float64) {
	for i, v := range values {
		values[i] = T(math.Exp(float64(v - shift)))
		sum += float64(values[i])
	}
	return sum
}

func plainDivide[T Float](values []T, by T) {
	for i := range values {
		values[i] /= by
	}
}

func plainGELU[T Float](values []T) {
	for i, x := range values {
		values[i] = T(float64(x) * 0.5 * math.Erfc(-float64(x)*(1/math.Sqrt2)))
	}
}
