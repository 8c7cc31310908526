package transform

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// ShapeError says that an operation can't be applied to a tensor of this shape.
type ShapeError struct {
	Operation string
	Shape     tensor.Shape
	// Want is a clause that says what shape the operation takes.
	Want string
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("cannot %s a tensor of shape %s: %s", e.Operation, e.Shape, e.Want)
}

// Is reports that the tensor is unusable input.
func (e *ShapeError) Is(kind error) bool { return kind == errdef.ErrInput }

// Transposer is Data that can transpose itself without moving bytes. [Transpose] uses it.
type Transposer interface {
	// Transposed takes the elements as a matrix [rows, cols] and delivers [cols, rows].
	Transposed(rows, cols int) tensor.Data
}

// Slicer is Data that can return a part of itself without decoding the whole. [Rows] uses it.
type Slicer interface {
	// Slice delivers length bytes from offset; both are multiples of the element size and in range.
	Slice(offset, length int64) tensor.Data
}

// Transpose turns a matrix [rows, cols] into [cols, rows]. The bytes are moved when they are asked for, in cache-sized blocks.
func Transpose(v tensor.View) (tensor.View, error) {
	if len(v.Shape) != 2 || v.DType.Size() == 0 {
		return tensor.View{}, &ShapeError{"transpose", v.Shape, "two dimensions are needed"}
	}
	if _, err := v.Size(); err != nil {
		return tensor.View{}, err
	}
	rows, cols := v.Shape[0], v.Shape[1]
	return tensor.View{DType: v.DType, Shape: tensor.Shape{cols, rows}, Data: transposeData(v.Data, rows, cols, v.DType.Size())}, nil
}

func transposeData(data tensor.Data, rows, cols, width int) tensor.Data {
	switch d := data.(type) {
	case nil:
		return nil
	case *transposition:
		if d.whole() {
			return d.source
		}
	case *stack:
		return &transposition{source: d, parts: d.parts, rows: rows, cols: cols, to: cols, width: width}
	case Transposer:
		return d.Transposed(rows, cols)
	}
	return &transposition{source: data, parts: []part{{data, rows}}, rows: rows, cols: cols, to: cols, width: width}
}

// Rows returns the part of a tensor whose first index is at least from and less than to.
func Rows(v tensor.View, from, to int) (tensor.View, error) {
	size, err := v.Size()
	if err != nil {
		return tensor.View{}, err
	}
	if len(v.Shape) == 0 || from < 0 || to < from || to > v.Shape[0] {
		return tensor.View{}, &ShapeError{fmt.Sprintf("take rows %d to %d of", from, to), v.Shape, "they must exist"}
	}
	shape := append(tensor.Shape{to - from}, v.Shape[1:]...)
	row := int64(0)
	if v.Shape[0] > 0 {
		row = size / int64(v.Shape[0])
	}
	return tensor.View{DType: v.DType, Shape: shape, Data: slice(v.Data, int64(from)*row, int64(to-from)*row)}, nil
}

// Split cuts a tensor into n equal parts along its first dimension. [Stack] is the inverse.
func Split(v tensor.View, n int) ([]tensor.View, error) {
	if len(v.Shape) == 0 || n < 1 || v.Shape[0]%n != 0 {
		return nil, &ShapeError{fmt.Sprintf("split into %d", n), v.Shape, fmt.Sprintf("the first dimension must be divisible by %d", n)}
	}
	parts, step := make([]tensor.View, n), v.Shape[0]/n
	for i := range parts {
		var err error
		if parts[i], err = Rows(v, i*step, (i+1)*step); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// Stack puts tensors, which must agree in dtype and in all dimensions but the first, on top of each other. [Split] is the inverse. Where one only describes
// a shape, having no data, so does the result.
func Stack(views ...tensor.View) (tensor.View, error) {
	if len(views) == 0 {
		return tensor.View{}, &ShapeError{"stack", nil, "at least one tensor is needed"}
	}
	first := views[0]
	data, rows, known := &stack{}, 0, true
	for _, v := range views {
		known = known && v.Data != nil
		if v.DType != first.DType {
			return tensor.View{}, &ShapeError{"stack", v.Shape, fmt.Sprintf("dtype %s must be %s like the first", v.DType, first.DType)}
		}
		if len(v.Shape) == 0 || len(v.Shape) != len(first.Shape) || !v.Shape[1:].Equal(first.Shape[1:]) || v.Shape[0] > math.MaxInt-rows {
			return tensor.View{}, &ShapeError{"stack", v.Shape, "all but the first dimension must be those of " + first.Shape.String()}
		}
		data.parts = append(data.parts, part{v.Data, v.Shape[0]})
		rows += v.Shape[0]
	}
	shape := append(tensor.Shape{rows}, first.Shape[1:]...)
	whole := tensor.View{DType: first.DType, Shape: shape, Data: data}
	size, err := whole.Size()
	if err != nil {
		return tensor.View{}, err
	}
	if rows > 0 {
		data.row = size / int64(rows)
	}
	if !known {
		whole.Data = nil
	}
	return whole, nil
}
