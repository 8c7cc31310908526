package tensor

import "fmt"

// Decode fills out with the elements of raw as values of type T. Elements of every float type convert exactly to float64; to float32 they
// round to nearest, as integers do that T cannot hold. The bits of a float32 NaN stay. A Bool is 1 unless its byte is 0. The length of raw
// must be that of out times the element size.
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
