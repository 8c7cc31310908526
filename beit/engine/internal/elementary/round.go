package elementary

import "github.com/beitzoo/beitzoo/tensor"

// RoundBF16 rounds each value to the nearest bfloat16, ties to even. A NaN stays as it is.
func RoundBF16(values []float32) {
	round(values, roundBF16By8, func(v float32) float32 { return tensor.WidenBF16(tensor.RoundBF16(v)) })
}

// RoundF16 rounds each value to the nearest float16, ties to even; beyond its range to infinity. A NaN stays as it is.
func RoundF16(values []float32) {
	round(values, roundF16By8, func(v float32) float32 { return tensor.WidenF16(tensor.RoundF16(v)) })
}

// round rounds as many values as are a multiple of 8 with by8, if the processor has the instructions, and the others one by one.
func round(values []float32, by8 func(values *float32, n int), one func(float32) float32) {
	done := 0
	if fast {
		done = len(values) &^ 7
	}
	if done > 0 {
		by8(&values[0], done)
	}
	for i, v := range values[done:] {
		if v == v {
			values[done+i] = one(v)
		}
	}
}
