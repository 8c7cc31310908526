package elementary

import "github.com/beitzoo/beitzoo/tensor"

// RoundBF16 rounds each value to the nearest bfloat16, ties to even. A NaN stays as it is.
func RoundBF16(values []float32) {
	if fast {
		values = values[roundBy8(roundBF16By8, values):]
	}
	for i, v := range values {
		if v == v {
			values[i] = tensor.WidenBF16(tensor.RoundBF16(v))
		}
	}
}

// RoundF16 rounds each value to the nearest float16, ties to even; beyond its range to infinity. A NaN stays as it is.
func RoundF16(values []float32) {
	if fast {
		values = values[roundBy8(roundF16By8, values):]
	}
	for i, v := range values {
		if v == v {
			values[i] = tensor.WidenF16(tensor.RoundF16(v))
		}
	}
}

// roundBy8 rounds as many values as are a multiple of 8, and returns how many these are.
func roundBy8(round func(values *float32, n int), values []float32) (done int) {
	if done = len(values) &^ 7; done > 0 {
		round(&values[0], done)
	}
	return done
}
