package pickle

import (
	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// array is a numpy.ndarray while the machine works on it.
type array struct {
	view       tensor.View
	filled     bool
	unreadable string
}

var _ stateSetter = (*array)(nil)

// newArray is numpy.core.multiarray._reconstruct(ndarray, (0,), b"b"): an array that BUILD fills.
func newArray(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) != 3 {
		return nil, badArguments(callable)
	}
	class, ok := args[0].(*Global)
	if !ok {
		return nil, badArguments(callable)
	}
	if *class != (Global{"numpy", "ndarray"}) {
		return &array{unreadable: "an array of class " + text.Quote(class.String())}, nil
	}
	return &array{}, nil
}

// maskedArray is numpy.ma.core._mareconstruct(class, base class, shape, code).
func maskedArray(*loader, *Global, []any) (any, error) {
	return &array{unreadable: "a masked NumPy array"}, nil
}

// setState takes (version, shape, dtype, is_fortran, data), in old files without the version.
func (a *array) setState(l *loader, state any) error {
	if a.unreadable != "" {
		return nil
	}
	parts, ok := itemsOf(state)
	if ok && len(parts) == 5 {
		if version, isInt := parts[0].(int); !isInt || version != 1 {
			return checkpoint.Unsupported("a NumPy array of an unknown version")
		}
		parts = parts[1:]
	}
	if !ok || len(parts) != 4 || a.filled {
		return checkpoint.Malformed("the state of a NumPy array is not a tuple of 5 values")
	}
	a.filled = true
	element, ok := parts[1].(*dtype)
	fortran, isBool := flag(parts[2])
	if !ok || !isBool {
		return checkpoint.Malformed("a NumPy array without dtype or order")
	}
	return a.fill(l, parts[0], element, fortran, parts[3])
}

// flag accepts a bool, or 0 or 1, which Python 2 writes instead.
func flag(value any) (bool, bool) {
	switch value := value.(type) {
	case bool:
		return value, true
	case int:
		return value != 0, value == 0 || value == 1
	}
	return false, false
}

// fill makes the view, whose length is checked against shape and dtype here or, for latin1 text, when it is read.
func (a *array) fill(l *loader, dimensions any, element *dtype, fortran bool, payload any) error {
	if a.unreadable = element.unreadable(); a.unreadable != "" {
		return nil
	}
	shape, err := shapeOf(dimensions)
	if err != nil {
		return err
	}
	view := tensor.View{DType: element.element, Shape: shape}
	size, sizeErr := view.Size()
	if sizeErr != nil {
		return checkpoint.Malformed("a NumPy array of shape %s: %s", shape, sizeErr)
	}
	if view.Data, err = l.payload(payload, size); err != nil {
		return err
	}
	a.view = arrange(view, element.swapped, fortran)
	return nil
}

// arrange adds the decoding that byte order and column-major order need.
func arrange(view tensor.View, swapped, fortran bool) tensor.View {
	width := view.DType.Size()
	if swapped && width > 1 {
		half := width
		if view.DType == tensor.C64 || view.DType == tensor.C128 {
			half = width / 2
		}
		view.Data = tensor.Swapped{Data: view.Data, Width: half}
	}
	if fortran && len(view.Shape) > 1 {
		strides, step := make([]int64, len(view.Shape)), int64(1)
		for i, n := range view.Shape {
			strides[i] = step
			step *= int64(max(n, 1))
		}
		view.Data = tensor.Strided{Storage: view.Data, Width: width, Strides: strides, Shape: view.Shape}
	}
	return view
}

// payload finds the bytes of an array.
func (l *loader) payload(value any, size int64) (tensor.Data, error) {
	switch value := value.(type) {
	case []byte:
		return exactly(value, size)
	case rawString:
		return exactly([]byte(value), size)
	case *types.ByteArray:
		return exactly(*value, size)
	case *Blob:
		if value.Kind == KindText {
			return nil, checkpoint.Malformed("a NumPy array with text for its bytes")
		}
		return exactly(l.window(value), size)
	case *latin1Blob:
		if value.Length < size || value.Length > 2*size {
			return nil, checkpoint.Malformed("a NumPy array with %d bytes of text where its shape needs %d bytes", value.Length, size)
		}
		return Latin1{Text: l.window(&value.Blob), Size: size}, nil
	}
	return nil, checkpoint.Malformed("a NumPy array without bytes")
}

func (l *loader) window(blob *Blob) []byte {
	return l.content[blob.Offset : blob.Offset+blob.Length : blob.Offset+blob.Length]
}

func exactly(raw []byte, size int64) (tensor.Data, error) {
	if int64(len(raw)) != size {
		return nil, checkpoint.Malformed("a NumPy array with %d bytes where its shape needs %d", len(raw), size)
	}
	return tensor.Memory(raw), nil
}
