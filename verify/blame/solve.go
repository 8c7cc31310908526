package blame

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

// A solver returns hypotheses that follow from the activations of a stage, such as the permutation of heads that fits best. They are tried like those that are
// listed, so a solver may be wrong.

// slack is the largest share of a column that may remain if it is to count as found. Recordings in float32 that went through an inverse hold some 1e-3.
const slack = 0.02

// solvePool solves for the parameters of the last norm.
func solvePool(ctx context.Context, t *target, d *draft) ([]hypothesis, error) {
	got, err := t.compute(ctx, d)
	if err != nil || len(got.Values) != len(t.want.Values) {
		return nil, err
	}
	name := d.Config.NormName()
	return d.affine(ctx, t, atPool, t.want, got, name+".weight", name+".bias")
}

// solveLogits solves for the order of classes, and for the parameters of the head.
func solveLogits(ctx context.Context, t *target, d *draft) ([]hypothesis, error) {
	got, err := t.compute(ctx, d)
	if err != nil || len(got.Values) != len(t.want.Values) {
		return nil, err
	}
	name := d.Config.HeadName()
	all := []hypothesis{}
	if order := orderOfClasses(t.want, got); order != nil {
		all = append(all, reordered("class-order", atLogits, "the classes are in another order", []string{name + ".weight", name + ".bias"}, order, inRows))
	}
	found, err := d.outputs(ctx, t, atLogits, t.want, got, name+".weight", name+".bias")
	return append(all, found...), err
}

// orderOfClasses returns the order in which got has the columns of want, to a few places, or nil if it is no permutation. Few images are enough, since equal
// logits are rare.
func orderOfClasses(want, got *whatif.Rows) []int {
	largest := 0.0
	for _, v := range want.Values {
		largest = max(largest, math.Abs(v))
	}
	const near = 1e-4
	order := make([]int, want.Width)
	used := make([]bool, want.Width)
	moved := false
	for i := range order {
		best, at := math.Inf(1), -1
		for j := range got.Width {
			off := 0.0
			for row := range want.Count {
				off = max(off, math.Abs(want.Row(row)[i]-got.Row(row)[j]))
			}
			if !used[j] && off < best {
				best, at = off, j
			}
		}
		if at < 0 || best > near*largest {
			return nil
		}
		order[i], used[at] = at, true
		moved = moved || at != i
	}
	if !moved {
		return nil
	}
	return order
}

// arrangement says which dimension of parameters is permuted.
type arrangement int

const (
	inRows arrangement = iota
	inColumns
)

// reordered returns the hypothesis that rows or columns of parameters are permuted.
func reordered(name string, at part, says string, parameters []string, order []int, which arrangement) hypothesis {
	return hypothesis{name: name, at: []part{at}, says: says, general: true, apply: func(d *draft) bool {
		for _, parameter := range parameters {
			rows, columns := order, []int(nil)
			if which == inColumns {
				rows, columns = nil, order
			}
			if !d.rearrange(parameter, "put them in the order "+brief(order), rows, columns) {
				return false
			}
		}
		return true
	}}
}

// brief returns the beginning of a permutation.
func brief(order []int) string {
	const few = 8
	if len(order) <= few {
		return fmt.Sprint(order)
	}
	text := fmt.Sprint(order[:few])
	return text[:len(text)-1] + " ...]"
}

// assigning returns the hypothesis that a vector has other values.
func assigning(name string, at part, parameter, says string, values []float64) hypothesis {
	return hypothesis{name: name, at: []part{at}, says: says, parameter: parameter, apply: func(d *draft) bool {
		return d.edit(parameter, "set to what the reference shows", func(old []float64, _ tensor.Shape) []float64 {
			if len(old) != len(values) {
				return slices.Clone(old)
			}
			return slices.Clone(values)
		})
	}}
}

// outputs solves for mistakes in the order, the factor and the bias of the outputs of a linear layer: want is what the reference has, got what the draft has.
func (d *draft) outputs(ctx context.Context, t *target, at part, want, got *whatif.Rows, weight, bias string) ([]hypothesis, error) {
	m := matchColumns(ctx, columnsOf(want), columnsOf(got))
	var all []hypothesis
	switch {
	case m.permutation():
		says := d.order(m.from)
		all = append(all,
			reordered("permuted", at, "the rows of "+weight+" and "+bias+" "+says, []string{weight, bias}, m.from, inRows),
			reordered("permuted", at, "the rows of "+weight+" alone "+says, []string{weight}, m.from, inRows))
	case m.inPlace():
		found, err := d.factors(ctx, t, at, m, weight, bias)
		return append(all, found...), err
	}
	return all, nil
}

// factors solves for the factors and offsets of outputs that are in place.
func (d *draft) factors(ctx context.Context, t *target, at part, m match, weight, bias string) ([]hypothesis, error) {
	var all []hypothesis
	old, err := d.vector(bias)
	if err != nil || old == nil {
		return nil, err
	}
	if f := m.scaled(slack); f != 0 && math.Abs(f-1) > slack/4 {
		f = round(f)
		all = append(all,
			scaling(at, fmt.Sprintf("%s and %s are multiplied by %s", weight, bias, factorText(f)), f, weight, bias),
			scaling(at, fmt.Sprintf("%s alone is multiplied by %s", weight, factorText(f)), f, weight))
	}
	values := slices.Clone(old)
	for i := range values {
		values[i] = m.factor[i]*old[i] + m.offset[i]
	}
	return append(all, d.recognised(ctx, t, at, bias, values)...), nil
}

// scaling returns the hypothesis that parameters are multiplied.
func scaling(at part, says string, factor float64, parameters ...string) hypothesis {
	return hypothesis{name: "scaled", at: []part{at}, says: says, general: true, apply: func(d *draft) bool {
		for _, parameter := range parameters {
			if !d.edit(parameter, "multiply by "+factorText(factor), scale(factor)) {
				return false
			}
		}
		return true
	}}
}

// affine solves for the weight and the bias of a norm: want is what the reference has, got what the draft has.
func (d *draft) affine(ctx context.Context, t *target, at part, want, got *whatif.Rows, weight, bias string) ([]hypothesis, error) {
	m := matchColumns(ctx, columnsOf(want), columnsOf(got))
	oldWeight, err := d.vector(weight)
	if err != nil || oldWeight == nil {
		return nil, err
	}
	oldBias, err := d.vector(bias)
	if err != nil || oldBias == nil || !m.inPlace() {
		return nil, err
	}
	newWeight, newBias := slices.Clone(oldWeight), slices.Clone(oldBias)
	for i := range newWeight {
		newWeight[i] = m.factor[i] * oldWeight[i]
		newBias[i] = m.factor[i]*oldBias[i] + m.offset[i]
	}
	all := append(d.recognised(ctx, t, at, weight, newWeight), d.recognised(ctx, t, at, bias, newBias)...)
	return all, nil
}

// vector returns the values of the first parameter that the name stands for in the draft's places, or nil if there is none.
func (d *draft) vector(ending string) ([]float64, error) {
	names := d.names(ending)
	if len(names) == 0 {
		return nil, nil
	}
	t, err := d.Tensor(names[0])
	if err != nil {
		return nil, err
	}
	return t.Values(), nil
}

// round returns the simple number that a measured factor stands for, if there is one near.
func round(factor float64) float64 {
	const near = 2e-3
	size, sign := math.Abs(factor), math.Copysign(1, factor)
	for n := 1.0; n <= 128; n++ {
		for _, simple := range []float64{n, 1 / n, math.Sqrt(n), 1 / math.Sqrt(n)} {
			if math.Abs(size/simple-1) < near {
				return sign * simple
			}
		}
	}
	return factor
}

// factorText returns a factor as people write it: "2", "1/8", "√3", "1/√3", "0.317".
func factorText(factor float64) string {
	size, sign := math.Abs(factor), ""
	if factor < 0 {
		sign = "-"
	}
	for n := 1.0; n <= 128; n++ {
		switch size {
		case n:
			return fmt.Sprintf("%s%g", sign, n)
		case 1 / n:
			return fmt.Sprintf("%s1/%g", sign, n)
		case math.Sqrt(n):
			return fmt.Sprintf("%s√%g", sign, n)
		case 1 / math.Sqrt(n):
			return fmt.Sprintf("%s1/√%g", sign, n)
		}
	}
	return fmt.Sprintf("%.4g", factor)
}

// scale returns a change that multiplies all values.
func scale(factor float64) changeFunc {
	return func(values []float64, _ tensor.Shape) []float64 {
		scaled := slices.Clone(values)
		for i := range scaled {
			scaled[i] *= factor
		}
		return scaled
	}
}
