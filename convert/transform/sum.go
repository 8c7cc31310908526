package transform

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/tensor"
)

// Widest returns the smallest float dtype that has all values of both, or a if one of them is no float.
func Widest(a, b tensor.DType) tensor.DType {
	switch {
	case !a.IsFloat() || !b.IsFloat() || Widens(b, a):
		return a
	case Widens(a, b):
		return b
	}
	return tensor.F32 // F16 and BF16
}

// Sum is the sum of two tensors, element by element, in the [Widest] of their dtypes: computed in float64 and rounded once. It is lossy.
type Sum struct {
	a, b tensor.View
	view tensor.View
}

// Add returns the sum of two float tensors of the same shape, whose elements are computed when it is read. Other tensors are a *[ShapeError].
func Add(a, b tensor.View) (Sum, error) {
	if !a.Shape.Equal(b.Shape) {
		return Sum{}, &ShapeError{"add", b.Shape, "both must be " + a.Shape.String()}
	}
	if !a.DType.IsFloat() || !b.DType.IsFloat() {
		return Sum{}, &ShapeError{"add", b.Shape, "both must be floats, and are " + a.DType.String() + " and " + b.DType.String()}
	}
	s := Sum{a: a, b: b, view: tensor.View{DType: Widest(a.DType, b.DType), Shape: a.Shape}}
	if a.Data != nil && b.Data != nil {
		s.view.Data = sumData{s.a, s.b, s.view.DType}
	}
	return s, nil
}

// View returns the sum.
func (s Sum) View() tensor.View { return s.view }

// Rounded reads both tensors and returns the number of elements whose sum is not exact.
func (s Sum) Rounded() (int, error) {
	if s.view.Data == nil {
		return 0, nil
	}
	a, b, err := s.values()
	if err != nil {
		return 0, err
	}
	stored, err := tensor.Float64s(s.view)
	if err != nil {
		return 0, err
	}
	count := 0
	for i, sum := range stored {
		// What is left of a sum after it was rounded is a float64 itself (O. Moller, "Quasi double-precision in floating point addition", 1965).
		whole := a[i] + b[i]
		part := whole - a[i]
		rest := (a[i] - (whole - part)) + (b[i] - part)
		if sum != whole && !(math.IsNaN(sum) && math.IsNaN(whole)) || rest != 0 && !math.IsNaN(rest) {
			count++
		}
	}
	return count, nil
}

func (s Sum) values() (a, b []float64, err error) {
	if a, err = tensor.Float64s(s.a); err == nil {
		b, err = tensor.Float64s(s.b)
	}
	return a, b, err
}

// sumData are the elements of a sum.
type sumData struct {
	a, b tensor.View
	to   tensor.DType
}

// Bytes computes all elements.
func (d sumData) Bytes() ([]byte, error) {
	a, b, err := Sum{a: d.a, b: d.b}.values()
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 0, 8*len(a))
	for i := range a {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(a[i]+b[i]))
	}
	// A sum of two F32, BF16 or F16 that is rounded to float64 first is rounded to the same value as the exact one: float64 has more than twice their digits.
	cast, err := Cast(tensor.View{DType: tensor.F64, Shape: d.a.Shape, Data: tensor.Memory(raw)}, d.to)
	if err != nil {
		return nil, err
	}
	return cast.Data.Bytes()
}

// WriteTo writes what Bytes makes.
func (d sumData) WriteTo(w io.Writer) (int64, error) {
	raw, err := d.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}
