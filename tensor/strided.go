package tensor

import (
	"io"
	"math/bits"

	"github.com/beitzoo/beitzoo/errdef"
)

// ErrBounds says that strides or an offset lead outside of the storage.
var ErrBounds = errdef.New(errdef.ErrInput, "strides lead outside of the storage")

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
	storage, err := s.open()
	if err != nil {
		return nil, err
	}
	count, _ := s.Shape.Elements()
	if window, ok := s.window(storage, count); ok {
		return window, nil
	}
	return s.gather(make([]byte, 0, count*int64(s.Width)), storage), nil
}

// WriteTo writes the elements in row-major order, gathering a piece at a time where they are not contiguous.
func (s Strided) WriteTo(w io.Writer) (int64, error) {
	storage, err := s.open()
	if err != nil {
		return 0, err
	}
	count, _ := s.Shape.Elements()
	if window, ok := s.window(storage, count); ok {
		return Memory(window).WriteTo(w)
	}
	return s.writePieces(w, storage, new([]byte))
}

// open reads the storage and checks that all elements lie in it.
func (s Strided) open() ([]byte, error) {
	storage, err := s.Storage.Bytes()
	if err != nil {
		return nil, err
	}
	return storage, s.Check(int64(len(storage) / s.Width))
}

// window is the part of the storage that holds exactly the elements, if there is one.
func (s Strided) window(storage []byte, count int64) ([]byte, bool) {
	if count == 0 {
		return storage[:0:0], true
	}
	if !s.Contiguous() {
		return nil, false
	}
	start, size := s.Offset*int64(s.Width), count*int64(s.Width)
	return storage[start : start+size : start+size], true
}
