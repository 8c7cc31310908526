package paddle

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// codes are the NumPy codes under which Paddle takes each element type. Bfloat16 travels as unsigned 16-bit integers, so that these
// cannot be written themselves.
var codes = map[tensor.DType]string{
	tensor.Bool: "b1", tensor.U8: "u1", tensor.I8: "i1",
	tensor.I16: "i2", tensor.F16: "f2", tensor.BF16: "u2",
	tensor.I32: "i4", tensor.F32: "f4",
	tensor.I64: "i8", tensor.F64: "f8",
	tensor.C64: "c8", tensor.C128: "c16",
}

// maxName is the longest parameter name, in bytes, that the reader takes.
const maxName = 255

// Layout plans a file of the given tensors for output.Write, in their order: the pickle of protocol 4 that paddle.save makes of a state dict,
// with every parameter's name standing for itself in the table of parameter names. The tensors' Data is read only by output.Write. The same tensors give the
// same bytes. The error lists every tensor that Paddle cannot hold.
func Layout(tensors []tensor.Named) ([]output.Part, error) {
	if err := check(tensors); err != nil {
		return nil, err
	}
	w := newWriter()
	parts := make([]output.Part, 0, 2*len(tensors)+1)
	for _, t := range tensors {
		size, _ := t.Size()
		w.beginArray(t, size)
		parts = append(parts, output.Literal(w.cut()), output.Data(size, t.Data))
		w.endArray()
	}
	w.names(tensors)
	return append(parts, output.Literal(w.cut())), nil
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
	case codes[t.DType] == "":
		return fmt.Errorf("tensor %q: Paddle files hold no elements of type %s", t.Name, t.DType)
	}
	if _, err := t.Size(); err != nil {
		return fmt.Errorf("tensor %q of shape %s: %w", t.Name, t.Shape, err)
	}
	return nil
}
