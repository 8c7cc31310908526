package tensor

import (
	"fmt"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/errdef"
)

// Data returns the elements of a tensor, row-major and little-endian. Implementations are safe for concurrent use.
type Data interface {
	// Bytes returns all elements. The slice may be a window of a mapped file: it must not be written to, and ends with the checkpoint that
	// it comes from. Where the file holds the elements in another form they are decoded into fresh memory.
	Bytes() ([]byte, error)
	// WriteTo writes the same bytes in pieces, so that memory stays small.
	io.WriterTo
}

// View is a tensor whose elements nobody has read yet.
type View struct {
	DType DType
	Shape Shape
	Data  Data
}

// Named is a View with the name that a state dict gives it.
type Named struct {
	Name string
	View
}

// Size is the number of bytes of all elements.
func (v View) Size() (int64, error) {
	elements, err := v.Shape.Elements()
	if err != nil {
		return 0, err
	}
	if size := int64(v.DType.Size()); size == 0 || elements > math.MaxInt64/size {
		return 0, ErrShape
	}
	return elements * int64(v.DType.Size()), nil
}

// Bytes returns the elements and checks that they are as many as dtype and shape say. For the slice's owner see [Data].
func (v View) Bytes() ([]byte, error) {
	want, err := v.Size()
	if err != nil {
		return nil, err
	}
	raw, err := v.Data.Bytes()
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) != want {
		return nil, &SizeError{DType: v.DType, Shape: v.Shape, Got: int64(len(raw)), Want: want}
	}
	return raw, nil
}

// SizeError says that a tensor has more or fewer bytes than its dtype and shape ask for.
type SizeError struct {
	DType DType
	Shape Shape
	// Got and Want are in bytes.
	Got, Want int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%d bytes where %s %s needs %d", e.Got, e.DType, e.Shape, e.Want)
}

// Is reports that the tensor, wherever it came from, is unusable.
func (e *SizeError) Is(kind error) bool { return kind == errdef.ErrInput }
