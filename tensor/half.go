package tensor

import (
	"math"

	"github.com/x448/float16"
)

// The 16-bit types hold no value that a float32 does not hold. Rounding to them is to nearest, ties to even: overflow becomes infinity, tiny values
// become subnormals or zero, signs of zeros stay, and a NaN stays a NaN with its sign and leading payload bits, made quiet.

// WidenF16 returns the value of a half. Read as the upper bits of a float32, a half is too small by 2^112, subnormals included. A NaN becomes quiet.
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

// RoundF16 returns the half nearest to f. What ends as a normal half, nearly every weight, takes a short way.
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
