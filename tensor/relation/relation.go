package relation

import (
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// Tensor is the elements of a tensor, row-major. Values has as many elements as Shape says; it is not written to.
type Tensor struct {
	Values []float64
	Shape  tensor.Shape
}

// Read returns the elements of a view. Errors are those of [tensor.Float64s].
func Read(v tensor.View) (Tensor, error) {
	values, err := tensor.Float64s(v)
	return Tensor{values, v.Shape}, err
}

// Options say what counts as equal, and what is known of the axes.
type Options struct {
	// Tolerance is the largest absolute difference of an element that counts as none. With 0, values that were moved or rounded must be equal, and values
	// that were computed (scaled, shifted) must agree to the rounding of F32 or of the dtype that B seems to have.
	Tolerance float64
	// Axes describe the axes, as far as they are known: one for each dimension, or none.
	Axes []Axis
}

// Axis says what the slices along one dimension are.
type Axis struct {
	// Name is the singular of a slice, such as "row"; if it is empty, "row" and "column" for two dimensions, "value" for one, "slice of axis 2" for others.
	Name string
	// Factors are the parts of the index, outermost first, if it has parts: 3 x heads x width. Rest is the number of slices after their product, such as the
	// three rows of a bias table that are about the class token.
	Factors []Factor
	Rest    int
}

// Factor is a part of the index of an axis.
type Factor struct {
	// Name is the singular of what it counts, such as "head".
	Name string
	Size int
	// Labels are names of the values, such as q, k and v; there may be none.
	Labels []string
}

// Kind is what a step of a relation does.
type Kind string

// The kinds of steps. Those from Zero on lose what A held; the others can be undone but for rounding.
const (
	// Transposed means that the axes are in the order Axes: axis i of the result is axis Axes[i].
	Transposed Kind = "transposed"
	// Reshaped means that elements kept their order under a shape that asks for a transpose, or that a matrix of another shape, with as many elements, was transposed:
	// Split is the number of elements in a row of the result before it was reshaped, or 0 if only the shape changed.
	Reshaped Kind = "reshaped"
	// Permuted means that along Axes, taken as one axis if there are several, slice i of the result is slice Permutation[i].
	Permuted Kind = "permuted"
	// Negated changes all signs, Scaled multiplies by Factor, Shifted adds Offset; Affine multiplies and then adds.
	Negated Kind = "negated"
	Scaled  Kind = "scaled"
	Shifted Kind = "shifted"
	Affine  Kind = "affine"
	// ScaledEach multiplies slice i along Axes[0] by Factors[i].
	ScaledEach Kind = "scaled-each"
	// Rounded rounds to nearest to DType; Cut drops the bits that DType does not have.
	Rounded Kind = "rounded"
	Cut     Kind = "cut"
	// OneValue means that the value at At alone differs: it is Factor in A and Offset in B.
	OneValue Kind = "one-value"
	// Part means that only the slices Indices along Axes[0] differ; Within says how, if that is known.
	Part Kind = "part"
	// Zero, Ones and Constant mean that all values are the same, Offset.
	Zero     Kind = "zero"
	Ones     Kind = "ones"
	Constant Kind = "constant"
	// Reordered means that the values are the same, in an order that has no short description.
	Reordered Kind = "reordered"
	// Close means that the tensors differ by little in many places: Factor is the root mean square of the differences by that of the values.
	Close Kind = "close"
)

// Relation says how one tensor follows from another.
type Relation struct {
	// Reverse means that A follows from B by the steps, not B from A. It is set only if B does not follow from A.
	Reverse bool
	// Steps lead from one to the other, in order. There are none if the tensors are equal, or differ by no more than the tolerance.
	Steps []Step
	// Distance is the largest absolute difference that the steps leave. It is 0 if they lead to equal values, and for steps of the kinds Part, OneValue,
	// Reordered and Close it is the difference of the tensors themselves.
	Distance float64
}

// Step is a part of a relation. Which fields have a meaning depends on Kind.
type Step struct {
	Kind Kind
	Axes []int
	// Permutation has an entry for each slice. Name says what it does, such as "rows reversed"; it has a name even if no structure was recognised.
	Permutation []int
	Name        string
	// Recognised means that Name says everything about the permutation.
	Recognised bool
	// Split is the length of a row; see Reshaped. Shape is that of the result, for kinds that do not follow it from that of the other tensor.
	Split          int
	Shape          tensor.Shape
	Factor, Offset float64
	Factors        []float64
	DType          tensor.DType
	// At is the index of an element.
	At []int
	// Indices are slices, sorted.
	Indices []int
	// Within is how the parts at Indices are related, or nil.
	Within *Relation
	// slices is how the sentence calls the slices at Indices.
	slices string
	// gist leaves out numbers from the sentence.
	gist bool
}

// Equal reports whether no step is needed.
func (r *Relation) Equal() bool { return r != nil && len(r.Steps) == 0 }

// Is reports whether the relation has exactly one step, of this kind.
func (r *Relation) Is(kind Kind) bool {
	return r != nil && len(r.Steps) == 1 && r.Steps[0].Kind == kind
}

// Has returns the first step of a kind, or nil.
func (r *Relation) Has(kind Kind) *Step {
	if r == nil {
		return nil
	}
	for i := range r.Steps {
		if r.Steps[i].Kind == kind {
			return &r.Steps[i]
		}
	}
	return nil
}

// KeepsInformation reports whether A can be computed from B, but for rounding.
func (r *Relation) KeepsInformation() bool {
	if r == nil {
		return false
	}
	for _, s := range r.Steps {
		switch {
		case s.Kind == Part && !s.Within.KeepsInformation():
			return false
		case s.Kind == Part && s.Within.Has(Rounded) != nil, s.Kind == Part && s.Within.Has(Cut) != nil:
			return false
		case s.Kind == Scaled && s.Factor == 0, s.Kind == Affine && s.Factor == 0, s.Kind == ScaledEach && slices.Contains(s.Factors, 0):
			return false
		case slices.Contains([]Kind{Rounded, Cut, OneValue, Zero, Ones, Constant, Reordered, Close}, s.Kind):
			return false
		}
	}
	return true
}

// product returns the number of elements of the factors.
func (a Axis) product() int {
	n := 1
	for _, f := range a.Factors {
		n *= f.Size
	}
	return n
}

// fits reports whether the axis describes n slices by more than its name.
func (a Axis) fits(n int) bool {
	return len(a.Factors) > 0 && a.Rest >= 0 && !slices.ContainsFunc(a.Factors, func(f Factor) bool { return f.Size <= 0 || f.Size > n }) && a.product()+a.Rest == n
}

// axis returns what is known of axis i of a shape.
func (o Options) axis(i int, shape tensor.Shape) Axis {
	var a Axis
	if len(o.Axes) == len(shape) {
		a = o.Axes[i]
	}
	if !a.fits(shape[i]) {
		a.Factors, a.Rest = nil, 0
	}
	if a.Name == "" {
		a.Name = defaultName(i, len(shape))
	}
	return a
}

// whole reports whether a tensor has the elements that its shape asks for.
func (t Tensor) whole() bool {
	n, err := t.Shape.Elements()
	return err == nil && n == int64(len(t.Values))
}

// same reports whether two numbers are equal or both NaN. Zeros of both signs are equal.
func same(a, b float64) bool { return a == b || a != a && b != b }

func equal(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i, v := range a {
		if !same(v, b[i]) {
			return false
		}
	}
	return true
}

// distance returns the largest absolute difference, infinite if one is not finite where the other is another number.
func distance(a, b []float64) float64 {
	largest := 0.0
	for i, v := range a {
		if same(v, b[i]) {
			continue
		}
		d := math.Abs(v - b[i])
		if d != d {
			return math.Inf(1)
		}
		largest = max(largest, d)
	}
	return largest
}
