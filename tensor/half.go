package tensor

import (
	"math"

	"github.com/x448/float16"
)

// Every value of a 16-bit float type is also a float32. Rounding to a 16-bit type is to nearest, ties to even: overflow becomes infinity, tiny values
// become subnormals or zero, zeros keep their sign, and a NaN stays a NaN with its sign and leading payload bits, made quiet.

// WidenF16 returns the value of a float16. A NaN becomes quiet. The bits of a float16, moved to their places in a float32, have an exponent that is too
// small by 112 (the biases are 15 and 127), so the product with 2^112 is the value, also of subnormals.
func WidenF16(half uint16) float32 {
	const exponent = 0x7c00
	sign, magnitude := uint32(half&0x8000)<<16, uint32(half&0x7fff)<<13
	if half&exponent == exponent { // infinity or NaN
		if half&0x03ff != 0 {
			magnitude |= 0x00400000
		}
		return math.Float32frombits(sign | magnitude | 0x7f800000)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(magnitude)*0x1p112))
}

// WidenBF16 returns the value of a bfloat16, which is the upper half of a float32.
func WidenBF16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }

// RoundF16 returns the float16 nearest to f. Values whose float16 is normal, nearly all weights, take a fast path.
func RoundF16(f float32) uint16 {
	const smallest, overflow, rebias = 0x38800000, 0x477ff000, (127 - 15) << 23
	bits := math.Float32bits(f)
	magnitude := bits &^ (1 << 31)
	if magnitude-smallest < overflow-smallest {
		return uint16(bits>>16&0x8000 | (magnitude-rebias+0xfff+magnitude>>13&1)>>13)
	}
	return float16.Fromfloat32(f).Bits()
}

// RoundBF16 returns the bfloat16 nearest to f.
func RoundBF16(f float32) uint16 {
	bits := math.Float32bits(f)
	if f != f {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
