package tensor

import (
	"fmt"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/errdef"
)

// Data is the elements of a tensor, row-major and little-endian. Implementations are safe for concurrent use.
type Data interface {
	// Bytes returns all elements. The slice may be part of a mapped file: it must not be written to, and is valid until the checkpoint is closed. If the
	// file holds the elements in another form, they are decoded into new memory.
	Bytes() ([]byte, error)
	// WriteTo writes the same bytes in pieces, so that little memory is needed.
	io.WriterTo
}

// View is a tensor whose elements are read when they are needed.
type View struct {
	DType DType
	Shape Shape
	Data  Data
}

// Named is a View with its name in a state dict.
type Named struct {
	Name string
	View
}

// Size returns the number of bytes of all elements. It is ErrShape if that exceeds int64 or the dtype is Invalid.
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

// Bytes returns all elements, as [Data] does. If their number is not that of the shape, the error is a *[SizeError].
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
