package whatif

import (
	"slices"
	"sync"

	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// Tensor is a parameter in float64. It does not change. Versions of a tensor that rearrange it share the memory and the products of the original.
type Tensor struct {
	Shape tensor.Shape
	// compute returns the values; it is called once.
	compute func() []float64
	once    sync.Once
	values  []float64
	// base is the tensor that this one is an arrangement of, or nil: row i is row rows[i] of base, and column j is column columns[j]; nil means as they are.
	base          *Tensor
	rows, columns []int
	// own means that the model itself holds the tensor.
	own     bool
	packing sync.Once
	packed  *gemm.Matrix[float64]
}

// NewTensor returns a tensor with these values, which must not change any more.
func NewTensor(shape tensor.Shape, values []float64) *Tensor {
	return &Tensor{Shape: shape, compute: func() []float64 { return values }}
}

// Values returns the elements. They must not be changed.
func (t *Tensor) Values() []float64 {
	t.once.Do(func() { t.values = t.compute() })
	return t.values
}

// Map returns the tensor of the same shape whose values change computes from those of t, when they are needed. change must return a new slice.
func (t *Tensor) Map(change func(values []float64) []float64) *Tensor {
	return &Tensor{Shape: t.Shape, compute: func() []float64 { return change(t.Values()) }}
}

// Rearrange returns the tensor whose row i is row rows[i] of t, and whose column j is column columns[j]; nil leaves them as they are. Rows are indices of the
// first dimension, and columns are indices of the elements in a row. Both must be as long as t has rows and columns.
func (t *Tensor) Rearrange(rows, columns []int) *Tensor {
	base := t
	if t.base != nil {
		base, rows, columns = t.base, follow(t.rows, rows), follow(t.columns, columns)
	}
	return &Tensor{Shape: t.Shape, base: base, rows: rows, columns: columns, compute: func() []float64 {
		return arrange(base.Values(), base.width(), rows, columns)
	}}
}

// follow returns the arrangement that first, and then then, amount to.
func follow(first, then []int) []int {
	if first == nil {
		return then
	}
	if then == nil {
		return first
	}
	both := make([]int, len(then))
	for i, at := range then {
		both[i] = first[at]
	}
	return both
}

// arrange returns rows of that width in another order.
func arrange(values []float64, width int, rows, columns []int) []float64 {
	if rows == nil && columns == nil {
		return slices.Clone(values)
	}
	count := len(values) / width
	moved := make([]float64, 0, len(values))
	for i := range count {
		at := i
		if rows != nil {
			at = rows[i]
		}
		row := values[at*width : (at+1)*width]
		if columns == nil {
			moved = append(moved, row...)
			continue
		}
		for _, column := range columns {
			moved = append(moved, row[column])
		}
	}
	return moved
}

// width returns the number of elements in a row.
func (t *Tensor) width() int {
	elements, _ := t.Shape.Elements()
	return int(elements) / t.Shape[0]
}

// held returns how many values a tensor keeps in memory, plain and packed, that the model does not hold in any case.
func (t *Tensor) held() int {
	if t.own {
		return 0
	}
	elements, _ := t.Shape.Elements()
	return 2 * int(elements)
}

// matrix returns the tensor, [out, in], packed for products.
func (t *Tensor) matrix() *gemm.Matrix[float64] {
	t.packing.Do(func() { t.packed = gemm.PackTransposed(t.Values(), t.Shape[0], t.width(), t.width()) })
	return t.packed
}
