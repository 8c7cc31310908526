package tensor

import (
	"encoding/binary"
	"io"
	"math/bits"

	"github.com/beitzoo/beitzoo/errdef"
)

// ErrBounds says that strides or an offset lead outside of the storage.
var ErrBounds = errdef.New(errdef.ErrInput, "strides lead outside of the storage")

// Strided is Data whose elements lie apart in a storage, which is how PyTorch saves transposed, sliced and shared tensors.
type Strided struct {
	// Storage holds elements of Width bytes.
	Storage Data
	Width   int
	// Offset and Strides count elements of the storage; Strides has one entry for each dimension of Shape.
	Offset  int64
	Strides []int64
	Shape   Shape
}

// Check returns ErrBounds unless every element lies within a storage of the given number of elements; a negative stride is ErrBounds, too. A shape that
// no tensor can have is ErrShape.
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

// Contiguous reports whether the elements already follow one another in row-major order.
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

// Bytes returns a window of the storage if the elements are contiguous, else a gathered copy.
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

// WriteTo writes the elements in row-major order, gathering a piece at a time if they are not contiguous.
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

// window returns the part of the storage that holds exactly the elements, if they are contiguous.
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

// writePieces gathers and writes at most about chunkSize bytes at a time: some rows of the outermost dimension, or parts of a row that is longer.
func (s Strided) writePieces(w io.Writer, storage []byte, buffer *[]byte) (int64, error) {
	count, _ := s.Shape.Elements()
	size := count * int64(s.Width)
	if size <= chunkSize || len(s.Shape) == 0 {
		*buffer = s.gather((*buffer)[:0], storage)
		n, err := w.Write(*buffer)
		return int64(n), err
	}
	var written int64
	rows := max(1, int(chunkSize/(size/int64(s.Shape[0]))))
	for from := 0; from < s.Shape[0]; from += rows {
		n, err := s.rows(from, min(rows, s.Shape[0]-from)).writePieces(w, storage, buffer)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// rows returns n rows of the outermost dimension; a single row loses that dimension.
func (s Strided) rows(from, n int) Strided {
	s.Offset += int64(from) * s.Strides[0]
	if n == 1 {
		s.Shape, s.Strides = s.Shape[1:], s.Strides[1:]
		return s
	}
	s.Shape = append(Shape{n}, s.Shape[1:]...)
	return s
}

// gather appends the elements in row-major order to out.
func (s Strided) gather(out, storage []byte) []byte {
	switch {
	case s.Contiguous():
		count, _ := s.Shape.Elements()
		start := s.Offset * int64(s.Width)
		return append(out, storage[start:start+count*int64(s.Width)]...)
	case len(s.Shape) == 1:
		return s.line(out, storage)
	}
	inner := Strided{Width: s.Width, Offset: s.Offset, Shape: s.Shape[1:], Strides: s.Strides[1:]}
	for range s.Shape[0] {
		out = inner.gather(out, storage)
		inner.Offset += s.Strides[0]
	}
	return out
}

// line appends the elements of a view of one dimension.
func (s Strided) line(out, storage []byte) []byte {
	at, step := s.Offset*int64(s.Width), s.Strides[0]*int64(s.Width)
	for range s.Shape[0] {
		switch element := storage[at:]; s.Width {
		case 2:
			out = binary.LittleEndian.AppendUint16(out, binary.LittleEndian.Uint16(element))
		case 4:
			out = binary.LittleEndian.AppendUint32(out, binary.LittleEndian.Uint32(element))
		case 8:
			out = binary.LittleEndian.AppendUint64(out, binary.LittleEndian.Uint64(element))
		default:
			out = append(out, element[:s.Width]...)
		}
		at += step
	}
	return out
}
