package tensor

import (
	"errors"
	"io"
	"math/bits"
)

// ErrBounds says that strides or an offset lead outside of the storage.
var ErrBounds = errors.New("strides lead outside of the storage")

// Strided gathers the elements of a view into a storage, as PyTorch saves transposed, sliced and shared tensors.
type Strided struct {
	// Storage holds elements of Width bytes.
	Storage Data
	Width   int
	// Offset and Strides count elements of the storage; Strides has one entry for each dimension of Shape.
	Offset  int64
	Strides []int64
	Shape   Shape
}

// Check reports ErrBounds unless every element lies in a storage of that many elements. Strides must not be negative.
func (s Strided) Check(elements int64) error {
	count, err := s.Shape.Elements()
	if err != nil {
		return err
	}
	if len(s.Strides) != len(s.Shape) || s.Offset < 0 {
		return ErrBounds
	}
	if count == 0 {
		return nil
	}
	last := uint64(s.Offset)
	for i, n := range s.Shape {
		if s.Strides[i] < 0 {
			return ErrBounds
		}
		high, low := bits.Mul64(uint64(n-1), uint64(s.Strides[i]))
		sum, carry := bits.Add64(last, low, 0)
		if high != 0 || carry != 0 {
			return ErrBounds
		}
		last = sum
	}
	if elements < 0 || last >= uint64(elements) {
		return ErrBounds
	}
	return nil
}

// Contiguous tells whether the elements already follow one another in row-major order.
func (s Strided) Contiguous() bool {
	step := int64(1)
	for i := len(s.Shape) - 1; i >= 0; i-- {
		if s.Shape[i] == 0 {
			return true
		}
		if s.Shape[i] != 1 && s.Strides[i] != step {
			return false
		}
		step *= int64(s.Shape[i])
	}
	return true
}

// Bytes returns a window of the storage where the elements are contiguous, else a gathered copy.
func (s Strided) Bytes() ([]byte, error) {
	storage, err := s.Storage.Bytes()
	if err != nil {
		return nil, err
	}
	if err := s.Check(int64(len(storage) / s.Width)); err != nil {
		return nil, err
	}
	count, _ := s.Shape.Elements()
	if s.Contiguous() {
		start := s.Offset * int64(s.Width)
		if count == 0 {
			start = 0
		}
		return storage[start : start+count*int64(s.Width)], nil
	}
	gathered := make([]byte, 0, count*int64(s.Width))
	s.walk(0, s.Offset, func(at int64) {
		gathered = append(gathered, storage[at*int64(s.Width):(at+1)*int64(s.Width)]...)
	})
	return gathered, nil
}

// WriteTo writes the elements in row-major order.
func (s Strided) WriteTo(w io.Writer) (int64, error) { return writeBytes(s, w) }

// walk visits the storage index of each element below dimension dim in row-major order.
func (s Strided) walk(dim int, at int64, visit func(at int64)) {
	if dim == len(s.Shape) {
		visit(at)
		return
	}
	for range s.Shape[dim] {
		s.walk(dim+1, at, visit)
		at += s.Strides[dim]
	}
}
