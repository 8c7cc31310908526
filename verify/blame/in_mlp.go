package blame

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

var mlp = []part{atMLP}

// exactGELU is what to do if an activation is another one.
const exactGELU = "use the exact GELU, with erf"

// activations are those that programs have in place of GELU.
var activations = []struct {
	says string
	of   func(float64) float64
}{
	{"GELU is its tanh approximation", whatif.TanhGELU},
	{"the activation is QuickGELU, x sigmoid(1.702 x)", whatif.QuickGELU},
	{"the activation is ReLU", whatif.ReLU},
	{"the activation is SiLU (swish)", whatif.SiLU},
	{"there is no activation: GELU is left out", whatif.Identity},
	{"the activation is the square of ReLU", whatif.SquaredReLU},
	{"the activation is leaky ReLU", whatif.LeakyReLU},
	{"the activation is ELU", whatif.ELU},
	{"the activation is tanh", math.Tanh},
	{"the activation is a sigmoid", whatif.Logistic},
	{"the activation is Mish", whatif.Mish},
}

// inMLP returns the mistakes in the MLP branch.
func inMLP() []hypothesis {
	const read = "read as [in, out] and transpose"
	var all []hypothesis
	for _, a := range activations {
		all = append(all, program("activation", mlp, a.says, exactGELU, func(r *whatif.Rules) { r.Activation = a.of }))
	}
	return append(append(all,
		editing("reshaped", mlp, "mlp.fc1.weight", "mlp.fc1.weight was reshaped where it should have been transposed", read, reread),
		editing("reshaped", mlp, "mlp.fc2.weight", "mlp.fc2.weight was reshaped where it should have been transposed", read, reread),
		editing("no-bias", mlp, "mlp.fc1.bias", "mlp.fc1.bias is left out", "zero", zeros),
		editing("no-bias", mlp, "mlp.fc2.bias", "mlp.fc2.bias is left out", "zero", zeros),
	), lonely(append(inHidden(),
		swappedWeights("mlp.fc1.weight and mlp.fc2.weight are exchanged, each transposed", "exchange, transposed", reread),
		swappedWeights("mlp.fc1.weight and mlp.fc2.weight are exchanged, each reshaped", "exchange, reshaped",
			func(values []float64, _ tensor.Shape) []float64 { return values }),
	)...)...)
}

// swappedWeights returns the hypothesis that the weights of both layers are exchanged. change makes the values of one those of the other; it gets its shape.
func swappedWeights(says, repair string, change changeFunc) hypothesis {
	return hypothesis{name: "swapped-weights", at: mlp, says: says, apply: func(d *draft) bool {
		done := false
		for _, place := range d.places {
			one, other := place+"mlp.fc1.weight", place+"mlp.fc2.weight"
			a, errA := d.Tensor(one)
			b, errB := d.Tensor(other)
			if errA != nil || errB != nil {
				return false
			}
			d.set(one, repair, whatif.NewTensor(a.Shape, change(b.Values(), a.Shape)))
			d.set(other, repair, whatif.NewTensor(b.Shape, change(a.Values(), b.Shape)))
			done = true
		}
		return done
	}}
}

// orders are those that are tried without a solver.
var orders = []struct {
	says string
	of   func(n int) []int
}{
	{"are reversed", reversed},
	{"are rolled by 1", func(n int) []int { return rolled(n, 1) }},
	{"are rolled back by 1", func(n int) []int { return rolled(n, -1) }},
	{"have both halves exchanged", func(n int) []int { return rolled(n, n/2) }},
}

// inOutputs returns the orders of what proj and fc2 compute.
func inOutputs() []hypothesis {
	var all []hypothesis
	for _, o := range orders {
		rows := func(c arch.Config) []int { return o.of(c.EmbedDim) }
		for _, l := range []struct {
			at   []part
			name string
		}{{attention, "attn.proj"}, {mlp, "mlp.fc2"}} {
			weight := arranging(l.at, l.name+".weight", fmt.Sprintf("the rows of %s.weight alone %s", l.name, o.says), rows, nil, "", nil)
			bias := arranging(l.at, l.name+".bias", "", rows, nil, "", nil)
			all = append(all, weight, both(fmt.Sprintf("the rows of %s.weight and %[1]s.bias %s", l.name, o.says), weight, bias))
		}
	}
	return lonely(all...)
}

// inHidden returns the orders of hidden units and of what fc1 reads that no solver finds beside many units.
func inHidden() []hypothesis {
	var all []hypothesis
	for _, o := range orders {
		hidden := func(c arch.Config) []int { return o.of(c.HiddenDim) }
		columns := func(c arch.Config) []int { return o.of(c.EmbedDim) }
		weight := arranging(mlp, "mlp.fc1.weight", "the rows of mlp.fc1.weight alone "+o.says, hidden, nil, "", nil)
		bias := arranging(mlp, "mlp.fc1.bias", "mlp.fc1.bias alone: its values "+o.says, hidden, nil, "", nil)
		all = append(all, both(fmt.Sprintf("the rows of mlp.fc1.weight and mlp.fc1.bias %s", o.says), weight, bias), weight, bias,
			arranging(mlp, "mlp.fc1.weight", "the columns of mlp.fc1.weight "+o.says, nil, columns, "", nil))
	}
	return all
}
