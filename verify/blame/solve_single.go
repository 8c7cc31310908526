package blame

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// A single wrong value of a parameter changes a stage along one direction, to first order. The solvers in this file compare the difference between reference
// and draft with the directions of all values at once: the share of the difference that a value explains is the square of a product, divided by that of the
// direction, and both are products of matrices.

// sensitivity says how the values inside a layer change a target.
type sensitivity struct {
	// along is the product of the difference and the direction of each output of the layer, and square the square of that direction, [tokens, outputs].
	along, square *whatif.Rows
	// in is the input of the layer, [tokens, inputs].
	in *whatif.Rows
	// first and only say which rows of the parameters these outputs are: row first + i, and which inputs they have.
	first int
}

// suspect is a value that explains most of a difference.
type suspect struct {
	parameter string
	element   []int
	share     float64
	// change is what has to be added, to first order.
	change float64
}

// enough is the share of the difference that a value must explain, to first order, to be tried.
const enough = 0.5

// suspects returns the values of a weight and a bias that explain most of a difference, whose square is total.
func (s sensitivity) suspects(ctx context.Context, weight, bias string, total float64) []suspect {
	best := make([]suspect, s.along.Width)
	_ = parallel.Until(ctx, runtime.GOMAXPROCS(0), s.along.Width, func(_, o int) {
		both, square := make([]float64, s.in.Width+1), make([]float64, s.in.Width+1)
		for t := range s.in.Count {
			a, q := s.along.Row(t)[o], s.square.Row(t)[o]
			for i, x := range s.in.Row(t) {
				both[i] += a * x
				square[i] += q * x * x
			}
			both[s.in.Width] += a
			square[s.in.Width] += q
		}
		for i, b := range both {
			if square[i] == 0 || bias == "" && i == s.in.Width {
				continue
			}
			if share := b * b / square[i] / total; share > best[o].share {
				best[o] = suspect{weight, []int{s.first + o, i}, share, b / square[i]}
				if i == s.in.Width {
					best[o].parameter, best[o].element = bias, []int{o}
				}
			}
		}
	})
	return slices.DeleteFunc(best, func(s suspect) bool { return !(s.share > enough) })
}

// hypothesis returns the hypothesis that the value is wrong. The right one is found by a few steps of Newton's method on the target.
func (s suspect) hypothesis(ctx context.Context, at part, t *target) hypothesis {
	return hypothesis{name: "single-value", at: []part{at}, says: "one value is another: ", apply: func(d *draft) bool {
		name := d.names(s.parameter)
		if len(name) != 1 {
			return false
		}
		old, err := d.Tensor(name[0])
		if err != nil {
			return false
		}
		index := 0
		for i, at := range s.element {
			index = index*old.Shape[i] + at
		}
		value, err := refine(ctx, t, d, name[0], old, index, old.Values()[index]+s.change)
		if err != nil || math.IsNaN(value) {
			return false
		}
		d.set(name[0], fmt.Sprintf("set %v to about %.6g", s.element, value), withValue(old, index, value))
		d.where.Element = s.element
		d.note = fmt.Sprintf("%s%v is about %.6g, not %.6g", s.parameter, s.element, value, old.Values()[index])
		return true
	}}
}

// withValue returns a tensor with one other value.
func withValue(t *whatif.Tensor, index int, value float64) *whatif.Tensor {
	return t.Map(func(values []float64) []float64 {
		changed := slices.Clone(values)
		changed[index] = value
		return changed
	})
}

// refine improves a value by the secant of the difference along its own direction.
func refine(ctx context.Context, t *target, d *draft, name string, old *whatif.Tensor, index int, value float64) (float64, error) {
	difference := func(value float64) ([]float64, error) {
		changed := d.copied()
		changed.Set(name, withValue(old, index, value))
		got, err := t.compute(ctx, changed)
		if err != nil {
			return nil, err
		}
		return subtract(t.want, got).Values, nil
	}
	last := old.Values()[index]
	before, err := difference(last)
	if err != nil {
		return 0, err
	}
	for range 6 {
		after, err := difference(value)
		if err != nil {
			return 0, err
		}
		step := subtract(whatif.RowsOf(before, 1), whatif.RowsOf(after, 1)).Values
		square := dot(step, step)
		if square == 0 || value == last {
			break
		}
		next := value + dot(after, step)/square*(value-last)
		last, before, value = value, after, next
	}
	return value, nil
}

// square returns the sum of the squares.
func square(values []float64) float64 { return dot(values, values) }

// singleInMLP returns the hypotheses that a single value of the MLP is wrong: z is what the reference has, y the stream before.
func singleInMLP(ctx context.Context, t *target, block *whatif.Block, y, z *whatif.Rows) ([]hypothesis, error) {
	branch, err := block.MLP(ctx, y)
	if err != nil {
		return nil, err
	}
	difference := subtract(z, block.End(y, branch))
	total := square(difference.Values)
	inner, hidden, err := block.Hidden(ctx, y)
	if err != nil {
		return nil, err
	}
	gamma := block.Gamma2
	if gamma == nil {
		gamma = slices.Repeat([]float64{1}, y.Width)
	}
	out := sensitivity{along: scaledBy(difference, gamma), square: constant(y.Count, each(gamma, func(v float64) float64 { return v * v })), in: hidden}
	found := out.suspects(ctx, "mlp.fc2.weight", "mlp.fc2.bias", total)
	found = append(found, vectorSuspects("gamma_2", difference, branch, total)...)
	along, squares := through(ctx, block.FC2.Weight, out.along, gamma)
	found = append(found, unitSuspects(ctx, along, squares, inner, hidden, block.NormedMLP(y), total)...)
	return hypothesesOf(ctx, found, atMLP, t), nil
}

// singleInNorms returns the hypotheses that a single value of these vectors is wrong, in a model so narrow that each of them can be tried.
func singleInNorms(ctx context.Context, t *target, d *draft, at part, names ...string) ([]hypothesis, error) {
	const narrow, small = 96, 1e-3
	if d.Config.EmbedDim > narrow {
		return nil, nil
	}
	got, err := t.compute(ctx, d)
	if err != nil {
		return nil, err
	}
	difference := subtract(t.want, got).Values
	total := square(difference)
	var found []suspect
	for _, name := range names {
		full := d.names(name)
		if len(full) != 1 {
			continue
		}
		old, err := d.Tensor(full[0])
		if err != nil {
			return nil, err
		}
		for i, v := range old.Values() {
			changed := d.copied()
			changed.Set(full[0], withValue(old, i, v+small))
			moved, err := t.compute(ctx, changed)
			if err != nil {
				return nil, err
			}
			step := subtract(moved, got).Values
			both, own := dot(step, difference), square(step)
			if own > 0 && both*both/own/total > enough {
				found = append(found, suspect{name, []int{i}, both * both / own / total, small * both / own})
			}
		}
	}
	return hypothesesOf(ctx, found, at, t), nil
}

// unitSuspects returns the values of fc1 that explain why one hidden unit is another: along and squares are the products of the difference with the unit's
// column of fc2, and the square of that, in is the input of fc1.
func unitSuspects(ctx context.Context, along, squares, inner, hidden, in *whatif.Rows, total float64) []suspect {
	var found []suspect
	for unit := range hidden.Width {
		share := 0.0
		for t := range along.Count {
			share += along.Row(t)[unit] * along.Row(t)[unit] / squares.Row(t)[unit] / total
		}
		if !(share > enough) {
			continue
		}
		// The unit of the reference is known in each token; where it is positive, so is what went into GELU.
		step, positive := []float64{}, []float64{}
		for t := range along.Count {
			if value := hidden.Row(t)[unit] + along.Row(t)[unit]/squares.Row(t)[unit]; value > 0.01 {
				step = append(step, inverseGELU(value)-inner.Row(t)[unit])
				positive = append(positive, in.Row(t)...)
			}
		}
		const fewest = 2
		if len(step) < fewest {
			continue
		}
		part := sensitivity{along: whatif.RowsOf(step, 1), square: constant(len(step), []float64{1}), in: whatif.RowsOf(positive, in.Width), first: unit}
		for _, s := range part.suspects(ctx, "mlp.fc1.weight", "mlp.fc1.bias", square(step)) {
			if s.parameter == "mlp.fc1.bias" {
				s.element[0] = unit
			}
			found = append(found, s)
		}
	}
	return found
}

// inverseGELU returns what GELU makes a positive value of.
func inverseGELU(value float64) float64 {
	v := value
	for range 50 {
		next := v - (v*0.5*(1+math.Erf(v/math.Sqrt2))-value)/geluSlope(v)
		if math.Abs(next-v) < 1e-14*max(1, math.Abs(v)) {
			return next
		}
		v = next
	}
	return v
}

// singleInAttention returns the hypotheses that a single value of proj or of the values is wrong. branch is what the reference has.
func singleInAttention(ctx context.Context, b *blockCase, t *target, d *draft, block *whatif.Block, branch *whatif.Rows) ([]hypothesis, error) {
	attended, err := block.Context(ctx, b.x, b.rows)
	if err != nil {
		return nil, err
	}
	got, err := block.Attention(ctx, b.x, b.rows)
	if err != nil {
		return nil, err
	}
	difference := subtract(branch, got)
	total := square(difference.Values)
	one := slices.Repeat([]float64{1}, branch.Width)
	out := sensitivity{along: difference, square: constant(branch.Count, one), in: attended}
	found := out.suspects(ctx, "attn.proj.weight", "attn.proj.bias", total)
	along, squares := through(ctx, block.Proj.Weight, difference, one)
	width := d.Config.HeadDim()
	for head := range d.Config.Heads {
		in, err := block.AttendedInput(ctx, b.x, b.rows, head)
		if err != nil {
			return nil, err
		}
		part := sensitivity{along: slice(along, head*width, width), square: slice(squares, head*width, width), in: in, first: head * width}
		for _, s := range part.suspects(ctx, "attn.qkv.weight", "attn.v_bias", total) {
			if s.parameter == "attn.v_bias" {
				s.element[0] += head * width
			} else {
				s.element[0] += 2 * branch.Width
			}
			found = append(found, s)
		}
	}
	inScores, err := singleInScores(ctx, b, d, block, difference, total)
	if err != nil {
		return nil, err
	}
	return hypothesesOf(ctx, append(found, inScores...), atAttention, t), nil
}

// vectorSuspects returns the values of a vector that multiplies a branch, if one explains a difference.
func vectorSuspects(parameter string, difference, branch *whatif.Rows, total float64) []suspect {
	var found []suspect
	for i := range difference.Width {
		both, own := 0.0, 0.0
		for t := range difference.Count {
			both += difference.Row(t)[i] * branch.Row(t)[i]
			own += branch.Row(t)[i] * branch.Row(t)[i]
		}
		if own > 0 && both*both/own/total > enough {
			found = append(found, suspect{parameter, []int{i}, both * both / own / total, both / own})
		}
	}
	return found
}

// hypothesesOf returns the hypotheses of the values that explain most.
func hypothesesOf(ctx context.Context, found []suspect, at part, t *target) []hypothesis {
	const most = 6
	slices.SortStableFunc(found, func(a, b suspect) int { return cmp.Compare(b.share, a.share) })
	var all []hypothesis
	for _, s := range found[:min(most, len(found))] {
		all = append(all, s.hypothesis(ctx, at, t))
	}
	return all
}

// through takes a difference back through a weight, [out, in]: the products with its columns, and the squares of the columns, each out multiplied by gamma.
func through(ctx context.Context, weight *whatif.Tensor, along *whatif.Rows, gamma []float64) (products, squares *whatif.Rows) {
	in := weight.Shape[1]
	values, square := make([]float64, along.Count*in), make([]float64, in)
	w := weight.Values()
	for o, g := range gamma {
		for i, v := range w[o*in : (o+1)*in] {
			square[i] += g * g * v * v
		}
	}
	_ = parallel.Until(ctx, runtime.GOMAXPROCS(0), along.Count, func(_, t int) {
		line := values[t*in : (t+1)*in]
		for o, a := range along.Row(t) {
			for i, v := range w[o*in : (o+1)*in] {
				line[i] += a * v
			}
		}
	})
	return whatif.RowsOf(values, in), constant(along.Count, square)
}

// constant returns rows that are all the same.
func constant(count int, row []float64) *whatif.Rows {
	return whatif.RowsOf(slices.Repeat(row, count), len(row))
}

func scaledBy(a *whatif.Rows, factors []float64) *whatif.Rows {
	out := make([]float64, len(a.Values))
	for i, v := range a.Values {
		out[i] = v * factors[i%a.Width]
	}
	return whatif.RowsOf(out, a.Width)
}

// slice returns some columns.
func slice(x *whatif.Rows, first, count int) *whatif.Rows {
	out := make([]float64, 0, x.Count*count)
	for t := range x.Count {
		out = append(out, x.Row(t)[first:first+count]...)
	}
	return whatif.RowsOf(out, count)
}

// geluSlope is the derivative of GELU.
func geluSlope(v float64) float64 {
	return 0.5*(1+math.Erf(v/math.Sqrt2)) + v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)
}
