package transform

import (
	"fmt"

	"github.com/beitzoo/beitzoo/tensor"
)

// Operation turns some tensors into others.
type Operation struct {
	// Name is a word for reports, or empty for the operation that does nothing.
	Name string
	// Lossy says that the inverse does not bring back what was there.
	Lossy bool

	in      int
	forward func(in []tensor.View) ([]tensor.View, error)
	// anyway is forward without the check that what is dropped is zero; nil if there is none.
	anyway  func(in []tensor.View) ([]tensor.View, error)
	inverse func() Operation
}

// Inputs is the number of tensors that Apply takes.
func (o Operation) Inputs() int { return o.in }

// Apply returns the results as lazy views. It reads elements only to check them.
func (o Operation) Apply(in ...tensor.View) ([]tensor.View, error) {
	if len(in) != o.in {
		return nil, fmt.Errorf("%s takes %d tensors, not %d", o.Name, o.in, len(in))
	}
	return o.forward(in)
}

// Anyway returns the operation that drops what o drops, whatever it holds, and whether there is one. It is lossy.
func (o Operation) Anyway() (Operation, bool) {
	if o.anyway == nil {
		return Operation{}, false
	}
	return Operation{Name: o.Name + " that is not zero", Lossy: true, in: o.in, forward: o.anyway, inverse: o.inverse}, true
}

// Inverse is the operation that undoes o, as far as that is possible.
func (o Operation) Inverse() Operation { return o.inverse() }

// Keep returns the operation that leaves n tensors as they are.
func Keep(n int) Operation {
	return Operation{
		in:      n,
		forward: func(in []tensor.View) ([]tensor.View, error) { return in, nil },
		inverse: func() Operation { return Keep(n) },
	}
}

// TransposeMatrix is [Transpose] as an operation; it is its own inverse.
func TransposeMatrix() Operation {
	return Operation{
		Name: "transposed", in: 1,
		forward: func(in []tensor.View) ([]tensor.View, error) { return one(Transpose(in[0])) },
		inverse: TransposeMatrix,
	}
}

// JoinRows stacks n tensors of equal shape; the inverse is [SplitRows].
func JoinRows(n int) Operation {
	return Operation{
		Name: "joined", in: n,
		forward: func(in []tensor.View) ([]tensor.View, error) {
			for _, v := range in {
				if !v.Shape.Equal(in[0].Shape) {
					return nil, &ShapeError{"join", v.Shape, "all parts must be " + in[0].Shape.String()}
				}
			}
			return one(Stack(in...))
		},
		inverse: func() Operation { return SplitRows(n) },
	}
}

// SplitRows cuts a tensor into n equal parts; the inverse is [JoinRows].
func SplitRows(n int) Operation {
	return Operation{
		Name: "split", in: 1,
		forward: func(in []tensor.View) ([]tensor.View, error) { return Split(in[0], n) },
		inverse: func() Operation { return JoinRows(n) },
	}
}

// DropKeyBias takes a bias for query, key and value, [3C], and returns those for query and value. The key part must be zero, as it is in every
// BEiT: anything else is refused when the operation is applied. The inverse is [FillKeyBias].
func DropKeyBias() Operation {
	return Operation{
		Name: "without key bias", in: 1,
		forward: func(in []tensor.View) ([]tensor.View, error) {
			parts, err := Split(in[0], 3)
			if err != nil {
				return nil, err
			}
			if err := checkIfKnown(parts[1]); err != nil {
				return nil, fmt.Errorf("the key part of the bias: %w", err)
			}
			return []tensor.View{parts[0], parts[2]}, nil
		},
		anyway: func(in []tensor.View) ([]tensor.View, error) {
			parts, err := Split(in[0], 3)
			if err != nil {
				return nil, err
			}
			return []tensor.View{parts[0], parts[2]}, nil
		},
		inverse: FillKeyBias,
	}
}

// FillKeyBias puts zeros between the biases for query and value; the inverse is [DropKeyBias].
func FillKeyBias() Operation {
	return Operation{
		Name: "with zero key bias", in: 2,
		forward: func(in []tensor.View) ([]tensor.View, error) {
			middle, err := Zeros(in[0].DType, in[0].Shape)
			if err != nil {
				return nil, err
			}
			return one(Stack(in[0], middle, in[1]))
		},
		inverse: DropKeyBias,
	}
}

// DropZero takes a tensor of zeros and returns nothing. Anything but zeros is refused when the operation is applied. It is lossy in form only:
// the inverse can't know the tensor's shape.
func DropZero() Operation {
	return Operation{
		Name: "dropped, all zero", in: 1, Lossy: true,
		forward: func(in []tensor.View) ([]tensor.View, error) { return nil, checkIfKnown(in[0]) },
		anyway:  func([]tensor.View) ([]tensor.View, error) { return nil, nil },
		inverse: func() Operation { return Keep(0) },
	}
}

// Then returns the operation that does first, then second.
func Then(first, second Operation) Operation {
	switch {
	case first.Name == "":
		return second
	case second.Name == "":
		return first
	}
	return Operation{
		Name: first.Name + ", " + second.Name, in: first.in, Lossy: first.Lossy || second.Lossy,
		forward: func(in []tensor.View) ([]tensor.View, error) {
			middle, err := first.Apply(in...)
			if err != nil {
				return nil, err
			}
			return second.Apply(middle...)
		},
		inverse: func() Operation { return Then(second.Inverse(), first.Inverse()) },
	}
}

func one(v tensor.View, err error) ([]tensor.View, error) {
	if err != nil {
		return nil, err
	}
	return []tensor.View{v}, nil
}

// checkIfKnown is CheckZero for views that have elements; one that only describes a shape passes.
func checkIfKnown(v tensor.View) error {
	if v.Data == nil {
		return nil
	}
	return CheckZero(v)
}
