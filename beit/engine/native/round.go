package native

import (
	"math"

	"github.com/x448/float16"
)

// roundBF16 rounds each value to the nearest bfloat16, ties to even.
func roundBF16(values []float32) {
	for i, v := range values {
		bits := math.Float32bits(v)
		if v != v {
			continue
		}
		bits += 0x7fff + bits>>16&1
		values[i] = math.Float32frombits(bits &^ 0xffff)
	}
}

// roundF16 rounds each value to the nearest float16, ties to even; beyond its range to infinity.
func roundF16(values []float32) {
	for i, v := range values {
		values[i] = float16.Fromfloat32(v).Float32()
	}
}
