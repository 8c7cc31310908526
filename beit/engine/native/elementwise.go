package native

import (
	"math"

	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// gelu is the exact Gaussian error linear unit, x/2 (1 + erf(x/√2)), in place.
func gelu[T gemm.Float](values []T) {
	for i, v := range values {
		values[i] = T(float64(v) * 0.5 * (1 + math.Erf(float64(v)*(1/math.Sqrt2))))
	}
}

// roundBF16 rounds each value to the nearest bfloat16, ties to even. A NaN stays as it is.
func roundBF16(values []float32) {
	for i, v := range values {
		if v == v {
			values[i] = tensor.WidenBF16(tensor.RoundBF16(v))
		}
	}
}

// roundF16 rounds each value to the nearest float16, ties to even; beyond its range to infinity.
func roundF16(values []float32) {
	for i, v := range values {
		values[i] = tensor.WidenF16(tensor.RoundF16(v))
	}
}
