package pickle

import (
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/tensor"
)

// codes are the dtype codes of NumPy that tensors can have.
var codes = map[string]tensor.DType{
	"f2": tensor.F16, "f4": tensor.F32, "f8": tensor.F64,
	"i1": tensor.I8, "i2": tensor.I16, "i4": tensor.I32, "i8": tensor.I64,
	"u1": tensor.U8, "u2": tensor.U16, "u4": tensor.U32, "u8": tensor.U64,
	"b1": tensor.Bool, "c8": tensor.C64, "c16": tensor.C128,
}

// dtype is a numpy.dtype. Its order is known after BUILD.
type dtype struct {
	code    string
	element tensor.DType
	swapped bool
	// simple is false for structured and nested types.
	simple, filled bool
}

func newDType(_ *loader, callable *Global, args []any) (any, error) {
	if len(args) == 0 {
		return nil, badArguments(callable)
	}
	code, ok := textOf(args[0])
	if !ok {
		return nil, unsupported("a NumPy dtype that is not given by a code")
	}
	return &dtype{code: code, element: codes[code], simple: true}, nil
}

// setState takes (version, order, subdtype, names, fields, itemsize, alignment, flags...).
func (d *dtype) setState(_ *loader, state any) error {
	parts, ok := itemsOf(state)
	if !ok || len(parts) < 5 || len(parts) > 9 || d.filled {
		return malformed("the state of a NumPy dtype is not a tuple of 5 to 9 values")
	}
	if version, ok := parts[0].(int); !ok || version < 1 || version > 4 {
		return unsupported("a NumPy dtype of an unknown version")
	}
	order, _ := textOf(parts[1])
	if !slices.Contains([]string{"<", ">", "|", "="}, order) {
		return malformed("a NumPy dtype with byte order %q", order)
	}
	d.swapped = order == ">"
	d.simple = parts[2] == nil && parts[3] == nil && parts[4] == nil
	d.filled = true
	return nil
}

// readable says why elements of this type cannot be read, or nothing.
func (d *dtype) unreadable() string {
	switch {
	case !d.simple:
		return "a structured NumPy array"
	case d.element == tensor.Invalid:
		return "a NumPy array of type " + quote(d.code)
	}
	return ""
}

// array is a numpy.ndarray while the machine works on it.
type array struct {
	view       tensor.View
	filled     bool
	unreadable string
}

var (
	_ settable = (*dtype)(nil)
	_ settable = (*array)(nil)
)

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
		return &array{unreadable: "an array of class " + quote(class.String())}, nil
	}
	return &array{}, nil
}

// setState takes (version, shape, dtype, is_fortran, data), in old files without the version.
func (a *array) setState(l *loader, state any) error {
	parts, ok := itemsOf(state)
	if ok && len(parts) == 5 {
		if version, isInt := parts[0].(int); !isInt || version != 1 {
			return unsupported("a NumPy array of an unknown version")
		}
		parts = parts[1:]
	}
	if !ok || len(parts) != 4 || a.filled {
		return malformed("the state of a NumPy array is not a tuple of 5 values")
	}
	a.filled = true
	if a.unreadable != "" {
		return nil
	}
	element, ok := parts[1].(*dtype)
	fortran, isBool := flag(parts[2])
	if !ok || !isBool {
		return malformed("a NumPy array without dtype or order")
	}
	return a.fill(l, parts[0], element, fortran, parts[3])
}

// flag accepts what Python 2 writes for a truth value as well.
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
		return malformed("a NumPy array of shape %s: %s", shape, sizeErr)
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
			return nil, malformed("a NumPy array with text for its bytes")
		}
		return exactly(l.window(value), size)
	case *latin1Blob:
		if value.Length < size || value.Length > 2*size {
			return nil, malformed("a NumPy array with %d bytes of text where its shape needs %d bytes", value.Length, size)
		}
		return Latin1{Text: l.window(&value.Blob), Size: size}, nil
	}
	return nil, malformed("a NumPy array without bytes")
}

func (l *loader) window(blob *Blob) []byte {
	return l.content[blob.Offset : blob.Offset+blob.Length : blob.Offset+blob.Length]
}

func exactly(raw []byte, size int64) (tensor.Data, error) {
	if int64(len(raw)) != size {
		return nil, malformed("a NumPy array with %d bytes where its shape needs %d", len(raw), size)
	}
	return tensor.Memory(raw), nil
}

// fromBuffer is numpy.core.numeric._frombuffer(buffer, dtype, shape, order[, axis order]): protocol 5.
func fromBuffer(l *loader, callable *Global, args []any) (any, error) {
	if len(args) < 4 || len(args) > 5 {
		return nil, badArguments(callable)
	}
	element, ok := args[1].(*dtype)
	order, _ := textOf(args[3])
	if !ok || !slices.Contains([]string{"C", "F", "K"}, order) {
		return nil, badArguments(callable)
	}
	made := &array{filled: true}
	if order == "K" && len(args) == 5 && args[4] != nil {
		return made, made.permuted(l, args[2], element, args[0], args[4])
	}
	return made, made.fill(l, args[2], element, order == "F", args[0])
}

// permuted has its axes in the given order in memory, which NumPy 2.2 and later write for arrays that are dense in another order than C or Fortran.
func (a *array) permuted(l *loader, dimensions any, element *dtype, payload, axes any) error {
	if err := a.fill(l, dimensions, element, false, payload); err != nil || a.unreadable != "" {
		return err
	}
	order, err := shapeOf(axes)
	stored := a.view.Shape
	if err != nil || len(order) != len(stored) {
		return malformed("a NumPy array with an impossible order of axes")
	}
	dense := make([]int64, len(stored))
	for step, i := int64(1), len(stored)-1; i >= 0; i-- {
		dense[i] = step
		step *= int64(max(stored[i], 1))
	}
	seen := make([]bool, len(stored))
	shape, strides := make(tensor.Shape, len(stored)), make([]int64, len(stored))
	for i, axis := range order {
		if axis >= len(stored) || seen[axis] {
			return malformed("a NumPy array with an impossible order of axes")
		}
		seen[axis] = true
		shape[i], strides[i] = stored[axis], dense[axis]
	}
	a.view.Data = tensor.Strided{Storage: a.view.Data, Width: a.view.DType.Size(), Strides: strides, Shape: shape}
	a.view.Shape = shape
	return nil
}

// arrayScalar is numpy.core.multiarray.scalar(dtype, bytes): an epoch, an accuracy.
func arrayScalar(l *loader, callable *Global, args []any) (any, error) {
	if len(args) != 2 {
		return nil, badArguments(callable)
	}
	element, ok := args[0].(*dtype)
	if !ok {
		return nil, badArguments(callable)
	}
	made := &array{filled: true}
	if made.unreadable = element.unreadable(); made.unreadable != "" {
		return &object{class: *callable}, nil
	}
	if err := made.fill(l, types.NewTupleFromSlice(nil), element, false, args[1]); err != nil {
		return nil, err
	}
	return number(made.view)
}

// number reads a scalar that Python knows as int, float or bool.
func number(view tensor.View) (any, error) {
	raw, err := view.Bytes()
	if err != nil {
		return nil, malformed("a NumPy scalar: %s", err)
	}
	switch view.DType {
	case tensor.C64, tensor.C128:
		return &object{class: Global{"numpy", "complex"}}, nil
	case tensor.I64:
		return int(int64(binary.LittleEndian.Uint64(raw))), nil
	case tensor.U64:
		return new(big.Int).SetUint64(binary.LittleEndian.Uint64(raw)), nil
	case tensor.U32:
		return int(binary.LittleEndian.Uint32(raw)), nil
	case tensor.U16:
		return int(binary.LittleEndian.Uint16(raw)), nil
	}
	value := make([]float64, 1)
	if err := tensor.Decode(value, view.DType, raw); err != nil {
		return nil, malformed("a NumPy scalar: %s", err)
	}
	switch {
	case view.DType == tensor.Bool:
		return value[0] != 0, nil
	case view.DType.IsFloat():
		return value[0], nil
	}
	return int(value[0]), nil
}
