package native

import "github.com/beitzoo/beitzoo/tensor"

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
