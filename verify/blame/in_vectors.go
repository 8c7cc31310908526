package blame

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// changes are what happens to a vector. The name of the parameter is put before says.
var changes = []struct {
	name, says, repair string
	of                 changeFunc
	// inexact means that float32 can't hold what was computed.
	inexact bool
}{
	{"scaled", "is multiplied by 2", "multiply by 2", scale(2), false},
	{"scaled", "is multiplied by 1/2", "multiply by 1/2", scale(0.5), false},
	{"negated", "is negated", "negate", scale(-1), false},
	{"offset", "has 1 added", "add 1", mapping(func(v float64) float64 { return v + 1 }), true},
	{"offset", "has 1 subtracted", "subtract 1", mapping(func(v float64) float64 { return v - 1 }), true},
	{"permuted", "is reversed", "reverse", rows(func(i, count int) int { return count - 1 - i }), false},
	{"permuted", "is rolled by 1", "roll", rollRows(1), false},
	{"permuted", "is rolled back by 1", "roll", rollRows(-1), false},
	{"reciprocal", "is 1 divided by it", "take the reciprocals", mapping(func(v float64) float64 { return 1 / v }), true},
	{"squared", "is applied twice", "square", mapping(func(v float64) float64 { return v * v }), true},
}

func mapping(f func(float64) float64) changeFunc {
	return func(values []float64, _ tensor.Shape) []float64 { return each(values, f) }
}

// inVectors returns what happens to vectors: to those that no solver finds, and to the others, whose solver needs more precision than a recording in half
// precision has.
func inVectors() []hypothesis {
	const common = 3
	var all []hypothesis
	add := func(at []part, ending string, names ...string) {
		for i, c := range changes {
			if ending == "attn.q_bias" && c.name == "scaled" {
				continue // which is among those of the queries
			}
			if i < common || slices.Contains(names, c.name) {
				h := editing(c.name, at, ending, ending+" "+c.says, c.repair, c.of)
				if c.inexact {
					h = inexact(h)[0]
				}
				all = append(all, h)
			}
		}
	}
	for _, n := range []struct {
		at   []part
		name string
	}{{attention, "norm1"}, {mlp, "norm2"}} {
		add(n.at, n.name+".weight", "offset", "permuted")
		add(n.at, n.name+".bias", "permuted")
	}
	add(attention, "attn.q_bias", "permuted")
	add(mlp, "mlp.fc1.bias")
	add(attention, "attn.v_bias", "permuted")
	add(attention, "attn.proj.bias", "permuted")
	add(mlp, "mlp.fc2.bias", "permuted")
	add([]part{atMiddle}, "gamma_1", "reciprocal", "squared", "permuted")
	add(mlp, "gamma_2", "reciprocal", "squared", "permuted")
	for _, name := range []string{"attn.q_bias", "attn.v_bias"} {
		for _, by := range []int{1, -1} {
			all = append(all, arranging(attention, name, fmt.Sprintf("the heads of %s are rolled by %d", name, by),
				func(c arch.Config) []int { return rolled(c.EmbedDim, by*c.HeadDim()) }, nil, "", nil))
		}
		all = append(all,
			arranging(attention, name, name+" is rearranged from [heads, width] to [width, heads]",
				func(c arch.Config) []int { return grid(c.Heads, c.HeadDim()) }, nil, "", nil),
			arranging(attention, name, name+" is rearranged from [width, heads] to [heads, width]",
				func(c arch.Config) []int { return grid(c.HeadDim(), c.Heads) }, nil, "", nil))
	}
	return lonely(all...)
}

// exchangedVectors returns the hypotheses that two vectors of a block are exchanged which have so many values each, and similar roles.
func exchangedVectors() []hypothesis {
	var all []hypothesis
	for _, p := range []struct {
		at   []part
		a, b string
	}{
		{attention, "attn.v_bias", "attn.proj.bias"},
		{attention, "attn.q_bias", "attn.proj.bias"},
		{attention, "norm1.bias", "attn.proj.bias"},
		{attention, "norm1.bias", "attn.q_bias"},
		{attention, "norm1.bias", "attn.v_bias"},
		{mlp, "norm2.bias", "mlp.fc2.bias"},
		{branches, "attn.v_bias", "mlp.fc2.bias"},
		{branches, "attn.q_bias", "mlp.fc2.bias"},
	} {
		all = append(all, exchanging("swapped-biases", p.at, p.a, p.b))
	}
	for _, p := range []struct {
		at   []part
		a, b string
	}{
		{wholeBlock, "norm1.weight", "gamma_1"}, {mlp, "norm2.weight", "gamma_2"}, {mlp, "gamma_2", "mlp.fc2.bias"}, {sums, "norm2.weight", "gamma_1"},
	} {
		all = append(all, exchanging("swapped-vectors", p.at, p.a, p.b))
	}
	return lonely(all...)
}

// inWeights returns factors of whole weights.
func inWeights() []hypothesis {
	var all []hypothesis
	for _, w := range []struct {
		at   []part
		name string
	}{{attention, "attn.proj"}, {mlp, "mlp.fc1"}, {mlp, "mlp.fc2"}} {
		weight, bias := w.name+".weight", w.name+".bias"
		for _, c := range changes[:3] {
			alone := editing(c.name, w.at, weight, weight+" "+c.says, c.repair, c.of)
			all = append(all, alone, both(weight+" and "+bias+", each "+c.says, alone, editing("", w.at, bias, "", c.repair, c.of)))
		}
	}
	folds := []hypothesis{
		folded(attention, "norm1.weight", fused, "is folded into the columns of "+fused+", and kept", func(by []float64) changeFunc { return dividedColumns(by) }),
		folded(mlp, "norm2.weight", "mlp.fc1.weight", "is folded into the columns of mlp.fc1.weight, and kept",
			func(by []float64) changeFunc { return dividedColumns(by) }),
	}
	for _, g := range []struct {
		at          []part
		gamma, name string
	}{{attention, "gamma_1", "attn.proj"}, {mlp, "gamma_2", "mlp.fc2"}} {
		weight, bias := folded(g.at, g.gamma, g.name+".weight", "", dividedRows), folded(g.at, g.gamma, g.name+".bias", "", dividedRows)
		folds = append(folds, both(g.gamma+" is folded into "+g.name+", and kept, so that it is applied twice", weight, bias))
	}
	return lonely(append(all, inexact(folds...)...)...)
}

// folded returns the hypothesis that a vector was multiplied into a weight and is applied again.
func folded(at []part, vector, weight, says string, divide func(by []float64) changeFunc) hypothesis {
	return hypothesis{name: "folded", at: at, says: vector + " " + says, apply: func(d *draft) bool {
		for _, name := range d.names(weight) {
			by, err := d.Tensor(name[:len(name)-len(weight)] + vector)
			if err != nil {
				return false
			}
			t, err := d.Tensor(name)
			if err != nil {
				return false
			}
			d.set(name, "divide by "+vector, t.Map(func(values []float64) []float64 { return divide(by.Values())(values, t.Shape) }))
		}
		return len(d.names(weight)) > 0
	}}
}

// dividedRows returns a change that divides each row by a value.
func dividedRows(by []float64) changeFunc {
	return func(values []float64, shape tensor.Shape) []float64 {
		out, width := slices.Clone(values), len(values)/shape[0]
		for i := range out {
			out[i] /= by[i/width]
		}
		return out
	}
}
