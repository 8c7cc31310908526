package paddle

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickler"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// codeOf returns the NumPy code under which Paddle takes an element type, or "". Bfloat16 travels as unsigned 16-bit integers, so that these
// cannot be written themselves.
func codeOf(dtype tensor.DType) string {
	switch dtype {
	case tensor.U16, tensor.U32, tensor.U64:
		return ""
	case tensor.BF16:
		dtype = tensor.U16
	}
	return framework.NumPyCode(dtype)
}

// maxName is the longest parameter name, in bytes, that the reader takes.
const maxName = 255

// Layout plans a file of the given tensors for output.Write, in their order: the pickle of protocol 4 that paddle.save makes of a state dict,
// with every parameter's name standing for itself in the table of parameter names. The tensors' Data is read only by output.Write. The same tensors make the
// same bytes. The error lists every tensor that Paddle cannot hold.
func Layout(tensors []tensor.Named) ([]output.Part, error) {
	if err := check(tensors); err != nil {
		return nil, err
	}
	w := &writer{pickler.New(4)}
	w.Op(opcode.EmptyDict, opcode.Mark)
	parts := make([]output.Part, 0, 2*len(tensors)+1)
	for _, t := range tensors {
		size, _ := t.Size()
		w.Text(t.Name)
		w.beginArray(t, size)
		parts = append(parts, output.Literal(w.Cut()), output.Data(size, t.Data))
		w.Op(opcode.Tuple, opcode.Build)
	}
	w.nameTable(tensors)
	w.Op(opcode.SetItems, opcode.Stop)
	return append(parts, output.Literal(w.Cut())), nil
}

func check(tensors []tensor.Named) error {
	var problems []error
	seen := map[string]bool{}
	for _, t := range tensors {
		if err := checkTensor(t); err != nil {
			problems = append(problems, err)
		} else if seen[t.Name] {
			problems = append(problems, fmt.Errorf("tensor %q: another tensor has this name", t.Name))
		}
		seen[t.Name] = true
	}
	return errors.Join(problems...)
}

func checkTensor(t tensor.Named) error {
	switch {
	case t.Name == "" || len(t.Name) > maxName:
		return fmt.Errorf("tensor %.100q: a name must have 1 to %d bytes", t.Name, maxName)
	case !utf8.ValidString(t.Name):
		return fmt.Errorf("tensor %q: the name is not UTF-8", t.Name)
	case slices.Contains([]string{nameTable, sliceTable}, t.Name):
		return fmt.Errorf("tensor %q: the name stands for a table of Paddle's", t.Name)
	case codeOf(t.DType) == "":
		return fmt.Errorf("tensor %q: Paddle files hold no elements of type %s", t.Name, t.DType)
	}
	if _, err := t.Size(); err != nil {
		return fmt.Errorf("tensor %q of shape %s: %w", t.Name, t.Shape, err)
	}
	return nil
}

// writer adds arrays to a pickle; their elements go between its pieces. What repeats is written once: the functions, the arguments that make an empty
// array, and each dtype.
type writer struct{ *pickler.Writer }

// beginArray writes an array up to its elements: _reconstruct(ndarray, (0,), b"b") and, for BUILD, the state (1, shape, dtype, False, elements). The
// module is numpy.core, not numpy._core: NumPy 1 knows only the former, NumPy 2 both.
func (w *writer) beginArray(t tensor.Named, size int64) {
	w.Global("numpy.core.multiarray", "_reconstruct")
	w.Once("an empty array", func() {
		w.Global("numpy", "ndarray")
		w.Op(opcode.BinInt1, 0, opcode.Tuple1, opcode.ShortBinBytes, 1, 'b', opcode.Tuple3)
	})
	w.Op(opcode.Reduce, opcode.Mark)
	w.Int(1)
	w.shape(t.Shape)
	w.dtype(codeOf(t.DType))
	w.Op(opcode.NewFalse)
	w.BytesHeader(size)
}

// shape uses the short forms for up to three dimensions, as Python does.
func (w *writer) shape(shape tensor.Shape) {
	short := []byte{opcode.EmptyTuple, opcode.Tuple1, opcode.Tuple2, opcode.Tuple3}
	if len(shape) >= len(short) {
		w.Op(opcode.Mark)
	}
	for _, n := range shape {
		w.Int(int64(n))
	}
	if len(shape) >= len(short) {
		w.Op(opcode.Tuple)
	} else {
		w.Op(short[len(shape)])
	}
}

// dtype is numpy.dtype(code, False, True) with the state (3, order, None, None, None, -1, -1, 0).
func (w *writer) dtype(code string) {
	order := "<"
	if code[1:] == "1" {
		order = "|"
	}
	w.Once("dtype "+code, func() {
		w.Global("numpy", "dtype")
		w.Text(code)
		w.Op(opcode.NewFalse, opcode.NewTrue, opcode.Tuple3, opcode.Reduce, opcode.Mark)
		w.Int(3)
		w.Text(order)
		w.Op(opcode.None, opcode.None, opcode.None)
		w.Int(-1)
		w.Int(-1)
		w.Int(0)
		w.Op(opcode.Tuple, opcode.Build)
	})
}

// nameTable writes the table of parameter names. Paddle uses it only if a caller asks for parameter names.
func (w *writer) nameTable(tensors []tensor.Named) {
	w.Text(nameTable)
	w.Op(opcode.EmptyDict)
	if len(tensors) == 0 {
		return
	}
	w.Op(opcode.Mark)
	for _, t := range tensors {
		w.Text(t.Name)
		w.Text(t.Name)
	}
	w.Op(opcode.SetItems)
}
