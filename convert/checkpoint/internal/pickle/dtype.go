package pickle

import (
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

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
		return &dtype{}, nil // of a class, such as numpy.record
	}
	return &dtype{code: code, element: framework.NumPyType(code), simple: true}, nil
}

// setState takes (version, order, subdtype, names, fields, itemsize, alignment, flags...).
func (d *dtype) setState(_ *loader, state any) error {
	parts, ok := itemsOf(state)
	if !ok || len(parts) < 5 || len(parts) > 9 || d.filled {
		return checkpoint.Malformed("the state of a NumPy dtype is not a tuple of 5 to 9 values")
	}
	if version, ok := parts[0].(int); !ok || version < 1 || version > 4 {
		return checkpoint.Unsupported("a NumPy dtype of an unknown version")
	}
	order, _ := textOf(parts[1])
	if !slices.Contains([]string{"<", ">", "|", "="}, order) {
		return checkpoint.Malformed("a NumPy dtype with byte order %q", order)
	}
	d.swapped = order == ">"
	d.simple = parts[2] == nil && parts[3] == nil && parts[4] == nil
	d.filled = true
	return nil
}

// unreadable returns why elements of this type cannot be read, or "".
func (d *dtype) unreadable() string {
	switch {
	case !d.simple:
		return "a structured NumPy array"
	case d.element == tensor.Invalid:
		return "a NumPy array of type " + text.Quote(d.code)
	}
	return ""
}

var _ stateSetter = (*dtype)(nil)
