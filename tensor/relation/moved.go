package relation

import (
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// moved returns the relation of a tensor that has the values of a, or those values negated, rounded or scaled, in another order. Equal sums of hashes show
// cheaply that values can be the same at all.
func moved(a, b Tensor, o Options) *Relation {
	if len(a.Values) < 2 || spread(b.Values) < 2 {
		return nil
	}
	want := hashSum(b.Values)
	for _, v := range variants(a, b) {
		if v.hashSum(a.Values) != want {
			continue
		}
		if steps := order(v.of(a), b, o); steps != nil {
			if len(v.steps) > 0 && len(steps) > 0 && steps[len(steps)-1].Kind == Reordered {
				continue
			}
			return &Relation{Steps: append(steps, v.steps...)}
		}
	}
	return nearlyMoved(a, b, o)
}

// variant is a change to values, and the steps that it is.
type variant struct {
	steps []Step
	value func(float64) float64
}

// of returns the changed tensor.
func (v variant) of(t Tensor) Tensor {
	if len(v.steps) == 0 {
		return t
	}
	values := make([]float64, len(t.Values))
	for i, w := range t.Values {
		values[i] = v.value(w)
	}
	return Tensor{values, t.Shape}
}

func (v variant) hashSum(values []float64) uint64 {
	sum := uint64(0)
	for _, w := range values {
		sum += mix(bits(v.value(w)))
	}
	return sum
}

func unchanged(v float64) float64 { return v }

// variants returns what the values of a may have become in b: as they are, negated, rounded or scaled.
func variants(a, b Tensor) []variant {
	all := []variant{{nil, unchanged}, multiplied(-1, false)}
	sumA, sumB := 0.0, 0.0
	for i, v := range a.Values {
		sumA, sumB = sumA+math.Abs(v), sumB+math.Abs(b.Values[i])
	}
	if factor := sumB / sumA; math.Abs(factor-1) > arithmetic && !math.IsInf(factor, 0) && factor > 0 {
		single := grains[2].holds(a.Values)
		for _, f := range simple(factor, 1e-6) {
			all = append(all, multiplied(f, single), multiplied(-f, single))
			if rounded := float64(float32(f)); single && rounded != f {
				all = append(all, multiplied(rounded, single), multiplied(-rounded, single))
			}
		}
	}
	for _, g := range coarser(a, b) {
		all = append(all, variant{[]Step{{Kind: Rounded, DType: g.dtype}}, g.round})
	}
	return all
}

// multiplied returns the variant of a product, which a program with single precision rounds.
func multiplied(f float64, single bool) variant {
	switch {
	case f == -1:
		return variant{[]Step{{Kind: Negated, Factor: f}}, func(v float64) float64 { return -v }}
	case single:
		return variant{[]Step{{Kind: Scaled, Factor: f}}, func(v float64) float64 { return float64(float32(f * v)) }}
	}
	return variant{[]Step{{Kind: Scaled, Factor: f}}, func(v float64) float64 { return f * v }}
}

// order returns the steps that bring the values of a, which are those of b as a multiset, into the order of b.
func order(a, b Tensor, o Options) []Step {
	if a.Shape.Equal(b.Shape) {
		if equal(a.Values, b.Values) {
			return []Step{}
		}
		if steps := permutedOne(a, b, 1, o); steps != nil {
			return steps
		}
	}
	if steps := turned(a, b, o, func(a, b Tensor) []Step {
		if equal(a.Values, b.Values) {
			return []Step{}
		}
		return nil
	}); steps != nil {
		return steps
	}
	for _, named := range []bool{true, false} {
		steps := turned(a, b, o, func(a, b Tensor) []Step {
			found := permuted(a, b, o)
			if named && !(&Relation{Steps: found}).recognised() {
				return nil
			}
			return found
		})
		if steps != nil {
			return steps
		}
	}
	return []Step{{Kind: Reordered}}
}

// turned calls then with every transposed or reshaped form of a that has the shape of b, the untouched one first, until it returns steps.
func turned(a, b Tensor, o Options, then func(a, b Tensor) []Step) []Step {
	if a.Shape.Equal(b.Shape) {
		if steps := then(a, b); steps != nil {
			return steps
		}
	}
	for _, axes := range orders(len(a.Shape)) {
		if form, ok := transpose(a, axes); ok && form.Shape.Equal(b.Shape) {
			if steps := then(form, b); steps != nil {
				return append([]Step{{Kind: Transposed, Axes: axes, Name: transposition(axes, a.Shape, o)}}, steps...)
			}
		}
	}
	if !a.Shape.Equal(b.Shape) {
		if steps := then(Tensor{a.Values, b.Shape}, b); steps != nil {
			return append([]Step{{Kind: Reshaped, Shape: b.Shape}}, steps...)
		}
	}
	for _, split := range splits(a.Shape) {
		if steps := then(Tensor{reread(a.Values, split), b.Shape}, b); steps != nil {
			return append([]Step{{Kind: Reshaped, Split: split, Shape: b.Shape}}, steps...)
		}
	}
	return nil
}

// mostAxes is the largest number of axes whose orders are tried.
const mostAxes = 4

// orders returns the orders of rank axes, but for the sorted one; none for high ranks.
func orders(rank int) [][]int {
	if rank > mostAxes {
		return nil
	}
	var all [][]int
	var extend func(chosen []int)
	extend = func(chosen []int) {
		if len(chosen) == rank {
			if !slices.IsSorted(chosen) {
				all = append(all, slices.Clone(chosen))
			}
			return
		}
		for axis := range rank {
			if !slices.Contains(chosen, axis) {
				extend(append(slices.Clone(chosen), axis))
			}
		}
	}
	extend(nil)
	return all
}

// transpose returns t with axis i of the result being axis axes[i]. It returns false if that only moves axes with one slice.
func transpose(t Tensor, axes []int) (Tensor, bool) {
	shape, strides := make(tensor.Shape, len(axes)), make([]int, len(axes))
	var long []int
	for i, axis := range axes {
		shape[i], strides[i] = t.Shape[axis], inside(t.Shape, axis+1)
		if shape[i] > 1 {
			long = append(long, axis)
		}
	}
	if slices.IsSorted(long) {
		return Tensor{}, false
	}
	out := make([]float64, 0, len(t.Values))
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(shape)-1 {
			for i := range shape[axis] {
				out = append(out, t.Values[at+i*strides[axis]])
			}
			return
		}
		for i := range shape[axis] {
			walk(axis+1, at+i*strides[axis])
		}
	}
	walk(0, 0)
	return Tensor{out, shape}, true
}

// transposition returns what a transpose is called.
func transposition(axes []int, shape tensor.Shape, o Options) string {
	if len(axes) == 2 {
		return "transposed"
	}
	var away []int
	for i, axis := range axes {
		if i != axis {
			away = append(away, i)
		}
	}
	if len(away) == 2 {
		return fmt.Sprintf("with %s and %s exchanged", plural(o.axis(away[0], shape).Name), plural(o.axis(away[1], shape).Name))
	}
	return "with its axes in the order " + index(axes)
}

// splits returns the lengths of rows for which a tensor may have been taken for a matrix and reshaped instead of transposed.
func splits(shape tensor.Shape) []int {
	var all []int
	total := inside(shape, 0)
	for i := range shape {
		for _, n := range []int{inside(shape, i), total / max(1, inside(shape, i))} {
			if n > 1 && n < total && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// reread returns the elements of the transpose of a matrix with the given number of rows.
func reread(values []float64, rows int) []float64 {
	columns := len(values) / rows
	out := make([]float64, len(values))
	for i := range rows {
		for j := range columns {
			out[j*rows+i] = values[i*columns+j]
		}
	}
	return out
}
