package transform

import (
	"fmt"
	"io"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// Zeros returns a tensor of zeros. Its dtype must have a size, and its shape be possible.
func Zeros(dtype tensor.DType, shape tensor.Shape) (tensor.View, error) {
	v := tensor.View{DType: dtype, Shape: shape}
	size, err := v.Size()
	if err != nil {
		return tensor.View{}, err
	}
	v.Data = zeros(size)
	return v, nil
}

// zeros is that many zero bytes.
type zeros int64

// Bytes makes them.
func (z zeros) Bytes() ([]byte, error) { return make([]byte, z), nil }

// WriteTo writes them in pieces.
func (z zeros) WriteTo(w io.Writer) (int64, error) {
	var block [4096]byte
	left := int64(z)
	for left > 0 {
		n, err := w.Write(block[:min(left, int64(len(block)))])
		left -= int64(n)
		if err != nil {
			return int64(z) - left, err
		}
	}
	return int64(z), nil
}

// Slice is as many zeros as wanted.
func (z zeros) Slice(_, length int64) tensor.Data { return zeros(length) }

// Transposed returns z: a transpose of zeros is the same zeros.
func (z zeros) Transposed(int, int) tensor.Data { return z }

// ErrNotZero says that a tensor which an operation would drop holds something. [CheckZero] wraps it.
var ErrNotZero = errdef.New(errdef.ErrInput, "not all zero")

// CheckZero reads a tensor and returns ErrNotZero, with the first place, unless every element is zero. Minus zero is zero.
func CheckZero(v tensor.View) error {
	raw, err := v.Bytes()
	if err != nil {
		return err
	}
	width := v.DType.Size()
	for i := 0; i < len(raw); i += width {
		if !zero(raw[i:i+width], v.DType.IsFloat()) {
			return fmt.Errorf("element %d: %w", i/width, ErrNotZero)
		}
	}
	return nil
}

func zero(element []byte, float bool) bool {
	last := len(element) - 1
	for i, b := range element {
		if float && i == last {
			b &= 0x7f
		}
		if b != 0 {
			return false
		}
	}
	return true
}
