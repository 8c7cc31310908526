package transform

import (
	"encoding/binary"
	"math"

	"github.com/beitzoo/beitzoo/tensor"
)

// Every conversion rounds once, as package tensor rounds.

// roundToOdd returns the float32 next to f towards zero, with the lowest bit set unless it is exact. Rounding that once more to a shorter type
// is the same as rounding f at once, which rounding to the nearest float32 first is not (S. Boldo and G. Melquiond, "Emulation of a FMA and
// correctly rounded sums: proved algorithms using rounding to odd", 2008).
func roundToOdd(f float64) float32 {
	near := float32(f)
	if float64(near) == f || f != f {
		return near
	}
	bits := math.Float32bits(near)
	if math.Abs(float64(near)) > math.Abs(f) {
		bits--
	}
	return math.Float32frombits(bits | 1)
}

func getF16(b []byte) float32 { return tensor.WidenF16(binary.LittleEndian.Uint16(b)) }

func getBF16(b []byte) float32 { return tensor.WidenBF16(binary.LittleEndian.Uint16(b)) }

func getF32(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

func getF64(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// conversion converts as many elements as dst holds.
type conversion func(dst, src []byte)

type pair struct{ from, to tensor.DType }

// conversions are those between different float types.
var conversions = map[pair]conversion{
	{tensor.F64, tensor.F32}: func(d, s []byte) { each(d, s, 4, 8, func(d, s []byte) { put32(d, float32(getF64(s))) }) },
	{tensor.F64, tensor.BF16}: func(d, s []byte) {
		each(d, s, 2, 8, func(d, s []byte) { put16(d, tensor.RoundBF16(roundToOdd(getF64(s)))) })
	},
	{tensor.F64, tensor.F16}: func(d, s []byte) {
		each(d, s, 2, 8, func(d, s []byte) { put16(d, tensor.RoundF16(roundToOdd(getF64(s)))) })
	},
	{tensor.F32, tensor.F64}:  func(d, s []byte) { each(d, s, 8, 4, func(d, s []byte) { put64(d, float64(getF32(s))) }) },
	{tensor.F32, tensor.BF16}: toBF16,
	{tensor.F32, tensor.F16}:  toF16,
	{tensor.BF16, tensor.F64}: func(d, s []byte) { each(d, s, 8, 2, func(d, s []byte) { put64(d, float64(getBF16(s))) }) },
	{tensor.BF16, tensor.F32}: func(d, s []byte) { each(d, s, 4, 2, func(d, s []byte) { put32(d, getBF16(s)) }) },
	{tensor.BF16, tensor.F16}: func(d, s []byte) { each(d, s, 2, 2, func(d, s []byte) { put16(d, tensor.RoundF16(getBF16(s))) }) },
	{tensor.F16, tensor.F64}:  func(d, s []byte) { each(d, s, 8, 2, func(d, s []byte) { put64(d, float64(getF16(s))) }) },
	{tensor.F16, tensor.F32}:  func(d, s []byte) { each(d, s, 4, 2, func(d, s []byte) { put32(d, getF16(s)) }) },
	{tensor.F16, tensor.BF16}: func(d, s []byte) { each(d, s, 2, 2, func(d, s []byte) { put16(d, tensor.RoundBF16(getF16(s))) }) },
}

// each converts element after element; to and from are their widths in bytes.
func each(dst, src []byte, to, from int, convert func(dst, src []byte)) {
	for len(dst) >= to && len(src) >= from {
		convert(dst[:to], src[:from])
		dst, src = dst[to:], src[from:]
	}
}

// toBF16 is the loop that a whole checkpoint goes through; each would take three times as long.
func toBF16(dst, src []byte) {
	for len(dst) >= 2 && len(src) >= 4 {
		put16(dst, tensor.RoundBF16(getF32(src)))
		dst, src = dst[2:], src[4:]
	}
}

// toF16 is a loop of its own for the same reason as toBF16.
func toF16(dst, src []byte) {
	for len(dst) >= 2 && len(src) >= 4 {
		put16(dst, tensor.RoundF16(getF32(src)))
		dst, src = dst[2:], src[4:]
	}
}

func put16(d []byte, bits uint16) { binary.LittleEndian.PutUint16(d, bits) }

func put32(d []byte, f float32) { binary.LittleEndian.PutUint32(d, math.Float32bits(f)) }

func put64(d []byte, f float64) { binary.LittleEndian.PutUint64(d, math.Float64bits(f)) }

// Widens reports whether every value of from is a value of to, so that the cast loses nothing.
func Widens(from, to tensor.DType) bool {
	switch {
	case from == to:
		return true
	case to == tensor.F64:
		return from.IsFloat()
	}
	return to == tensor.F32 && (from == tensor.F16 || from == tensor.BF16)
}
