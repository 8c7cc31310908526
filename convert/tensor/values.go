package tensor

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// decoders turn one element into a float64, exactly.
var decoders = map[DType]func([]byte) float64{
	F64: func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) },
	F32: func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) },
	F16: func(b []byte) float64 { return float64(float16.Frombits(binary.LittleEndian.Uint16(b)).Float32()) },
	BF16: func(b []byte) float64 {
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16))
	},
	I64:  func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) },
	I32:  func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) },
	I16:  func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) },
	I8:   func(b []byte) float64 { return float64(int8(b[0])) },
	U8:   func(b []byte) float64 { return float64(b[0]) },
	Bool: func(b []byte) float64 { return float64(b[0]) },
}

// Decode fills out with the elements of raw as values of type T. Elements of every float type convert exactly to float64; to float32 they
// round to nearest. The length of raw must be that of out times the element size.
func Decode[T float32 | float64](out []T, dtype DType, raw []byte) error {
	decode, ok := decoders[dtype]
	if !ok {
		return fmt.Errorf("cannot read %s elements as numbers", dtype)
	}
	size := dtype.Size()
	if len(raw) != len(out)*size {
		return &SizeError{DType: dtype, Shape: Shape{len(out)}, Got: int64(len(raw)), Want: int64(len(out) * size)}
	}
	if dtype == F32 {
		decodeFloat32s(out, raw)
		return nil
	}
	for i := range out {
		out[i] = T(decode(raw[i*size:]))
	}
	return nil
}

// decodeFloat32s is the common case without a call for each element, which takes a tenth of the time.
func decodeFloat32s[T float32 | float64](out []T, raw []byte) {
	for i := range out {
		out[i] = T(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
}

// Float64s reads all elements as float64. The slice belongs to the caller.
func Float64s(v View) ([]float64, error) { return values[float64](v) }

// Float32s reads all elements as float32, rounding F64 to nearest. The slice belongs to the caller.
func Float32s(v View) ([]float32, error) { return values[float32](v) }

func values[T float32 | float64](v View) ([]T, error) {
	raw, err := v.Bytes()
	if err != nil {
		return nil, err
	}
	out := make([]T, len(raw)/v.DType.Size())
	return out, Decode(out, v.DType, raw)
}
