package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// decoder returns the loop that decodes elements of dtype, or nil if they are not real numbers.
func decoder[T float32 | float64](dtype DType) func(out []T, raw []byte) {
	return map[DType]func([]T, []byte){
		F64: decodeF64[T], F32: decodeF32[T], F16: decodeF16[T], BF16: decodeBF16[T],
		I64: decodeI64[T], I32: decodeI32[T], I16: decodeI16[T], I8: decodeI8[T],
		U64: decodeU64[T], U32: decodeU32[T], U16: decodeU16[T], U8: decodeU8[T],
		Bool: decodeBool[T],
	}[dtype]
}

// Each type has a loop of its own because a function call for each element would cost more than the decoding.

func decodeF64[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
	}
}

// littleEndian reports whether this processor has numbers in memory as files have them.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func decodeF32[T float32 | float64](out []T, raw []byte) {
	if values, same := any(out).([]float32); same && littleEndian && len(out) > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values)), raw)
		return
	}
	for i := range out {
		out[i] = T(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
}

func decodeF16[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(WidenF16(binary.LittleEndian.Uint16(raw[2*i:])))
	}
}

func decodeBF16[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(WidenBF16(binary.LittleEndian.Uint16(raw[2*i:])))
	}
}

func decodeI64[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(int64(binary.LittleEndian.Uint64(raw[8*i:])))
	}
}

func decodeI32[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(int32(binary.LittleEndian.Uint32(raw[4*i:])))
	}
}

func decodeI16[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(int16(binary.LittleEndian.Uint16(raw[2*i:])))
	}
}

func decodeI8[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(int8(raw[i]))
	}
}

func decodeU64[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(binary.LittleEndian.Uint64(raw[8*i:]))
	}
}

func decodeU32[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(binary.LittleEndian.Uint32(raw[4*i:]))
	}
}

func decodeU16[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(binary.LittleEndian.Uint16(raw[2*i:]))
	}
}

func decodeU8[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(raw[i])
	}
}

func decodeBool[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(min(1, raw[i]))
	}
}

// Decode fills out with the elements of raw as values of type T. Every float type converts exactly to float64. F64 to float32 rounds to nearest, and so do
// integers that T cannot hold. The bits of an F32 NaN are kept in float32. A Bool is 1 unless its byte is 0. Invalid and complex types are an error. If raw is
// not len(out) elements long, the error is a *[SizeError].
func Decode[T float32 | float64](out []T, dtype DType, raw []byte) error {
	decode := decoder[T](dtype)
	if decode == nil {
		return fmt.Errorf("cannot read %s elements as numbers", dtype)
	}
	size := dtype.Size()
	if len(raw) != len(out)*size {
		return &SizeError{DType: dtype, Shape: Shape{len(out)}, Got: int64(len(raw)), Want: int64(len(out) * size)}
	}
	decode(out, raw)
	return nil
}

// Float64s returns all elements as [Decode] converts them to float64, row-major. The slice belongs to the caller. Errors are those of [View.Bytes] and
// Decode, and ErrFault if a mapped file was cut short.
func Float64s(v View) ([]float64, error) { return values[float64](v) }

// Float32s is [Float64s] for float32.
func Float32s(v View) ([]float32, error) { return values[float32](v) }

func values[T float32 | float64](v View) ([]T, error) {
	raw, err := v.Bytes()
	if err != nil {
		return nil, err
	}
	out := make([]T, len(raw)/v.DType.Size())
	return out, Guard(func() error { return Decode(out, v.DType, raw) })
}
