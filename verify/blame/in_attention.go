package blame

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

// epsilons returns the hypotheses that the LayerNorms of the reference have another epsilon.
func epsilons() []hypothesis {
	var all []hypothesis
	for _, value := range []float64{arch.EpsilonHF, arch.Epsilon, 1e-5, 1e-3} {
		for _, n := range []struct {
			name string
			at   []part
			set  func(r *whatif.Rules)
		}{
			{"the LayerNorm epsilon", []part{atAttention, atMLP, atPool}, func(r *whatif.Rules) { r.Epsilon1, r.Epsilon2, r.EpsilonLast = value, value, value }},
			{"the epsilon of norm1", []part{atAttention}, func(r *whatif.Rules) { r.Epsilon1 = value }},
			{"the epsilon of norm2", []part{atMLP}, func(r *whatif.Rules) { r.Epsilon2 = value }},
			{"the epsilon of the last norm", []part{atPool}, func(r *whatif.Rules) { r.EpsilonLast = value }},
		} {
			all = append(all, hypothesis{name: "epsilon", at: n.at, says: n.name + " is ", side: Program, apply: func(d *draft) bool {
				if d.Config.Epsilon == value {
					return false
				}
				d.note = fmt.Sprintf("%g, not %g", value, d.Config.Epsilon)
				d.epsilon = value
				n.set(&d.Rules)
				return true
			}})
		}
	}
	return all
}

var attention = []part{atAttention}

// program returns a hypothesis about the rules of the program.
func program(name string, at []part, says, advice string, set func(r *whatif.Rules)) hypothesis {
	return hypothesis{name: name, at: at, says: says, side: Program, advice: advice, apply: func(d *draft) bool {
		set(&d.Rules)
		return true
	}}
}

// editing returns a hypothesis about one parameter.
func editing(name string, at []part, ending, says, repair string, change func([]float64, tensor.Shape) []float64) hypothesis {
	return hypothesis{name: name, at: at, says: says, apply: func(d *draft) bool { return d.edit(ending, repair, change) }}
}

// exchanging returns the hypothesis that two parameters are exchanged.
func exchanging(name string, at []part, a, b string) hypothesis {
	return hypothesis{name: name, at: at, says: a + " and " + b + " are exchanged", apply: func(d *draft) bool { return d.exchange(a, b) }}
}

// inAttention returns the mistakes in the attention branch.
func inAttention() []hypothesis {
	all := []hypothesis{
		editing("transposed", attention, "attn.proj.weight", "attn.proj.weight is transposed", "transpose", reread),
		editing("transposed-index", attention, table, "the relative position index is transposed (rows are queries)", "reverse the offsets", turnIndex),
		editing("no-relative-position-bias", attention, table, "there is no relative position bias", "zero", zeros),
		{name: "window-turned", at: attention, says: "across and down are exchanged in the relative position index", apply: func(d *draft) bool {
			height, width := d.Config.Window()
			return height == width && d.edit(table, "exchange across and down", exchangeAxes)
		}},
		exchanging("swapped-biases", attention, "attn.q_bias", "attn.v_bias"),
		{name: "no-q-and-v-bias", at: attention, says: "q_bias and v_bias are left out", apply: func(d *draft) bool {
			return d.edit("attn.q_bias", "zero", zeros) && d.edit("attn.v_bias", "zero", zeros)
		}},
		editing("no-bias", attention, "attn.q_bias", "attn.q_bias is left out", "zero", zeros),
		editing("no-bias", attention, "attn.v_bias", "attn.v_bias is left out", "zero", zeros),
		editing("no-bias", attention, "attn.proj.bias", "attn.proj.bias is left out", "zero", zeros),
		editing("reshaped", attention, "attn.qkv.weight", "attn.qkv.weight was reshaped where it should have been transposed", "read as [in, out] and transpose", reread),
		program("query-scale", attention, "the queries are not multiplied by 1/√d", "multiply the queries by 1/√(width of a head)", func(r *whatif.Rules) { r.QueryScale = 1 }),
	}
	return append(all, layouts()...)
}

// layouts returns the hypotheses that queries, keys and values, or their heads, stand in another order, in the weight alone and with the fused bias.
func layouts() []hypothesis {
	var all []hypothesis
	for _, order := range []struct {
		says  string
		order [3]int
	}{
		{"q and k are exchanged", [3]int{1, 0, 2}},
		{"q and v are exchanged", [3]int{2, 1, 0}},
		{"k and v are exchanged", [3]int{0, 2, 1}},
		{"it is read as k, v, q", [3]int{2, 0, 1}},
		{"it is read as v, q, k", [3]int{1, 2, 0}},
	} {
		all = append(all, layout("qkv-order", order.says, func(c arch.Config) []int { return thirds(3*c.EmbedDim, order.order) })...)
	}
	for _, axes := range []struct {
		says  string
		sizes func(c arch.Config) [3]int
		order [3]int
	}{
		{"it is read as [heads, 3, width], not as [3, heads, width]", func(c arch.Config) [3]int { return [3]int{c.Heads, 3, c.HeadDim()} }, [3]int{1, 0, 2}},
		{"it is rearranged from [3, heads, width] to [heads, 3, width]", func(c arch.Config) [3]int { return [3]int{3, c.Heads, c.HeadDim()} }, [3]int{1, 0, 2}},
		{"it is read as [3, width, heads], not as [3, heads, width]", func(c arch.Config) [3]int { return [3]int{3, c.HeadDim(), c.Heads} }, [3]int{0, 2, 1}},
		{"it is rearranged from [3, heads, width] to [3, width, heads]", func(c arch.Config) [3]int { return [3]int{3, c.Heads, c.HeadDim()} }, [3]int{0, 2, 1}},
	} {
		all = append(all, layout("qkv-layout", axes.says, func(c arch.Config) []int { return permutedAxes(axes.sizes(c), axes.order) })...)
	}
	return all
}

// layout returns two hypotheses: the rows of qkv are in another order in the weight alone, and with the biases.
func layout(name, says string, rows func(arch.Config) []int) []hypothesis {
	return []hypothesis{
		{name: name, at: attention, says: "in attn.qkv.weight and the biases " + says, apply: func(d *draft) bool {
			return d.rearrangeFused("put the rows in order", rows(d.Config))
		}},
		{name: name, at: attention, says: "in attn.qkv.weight alone " + says, apply: func(d *draft) bool {
			return d.rearrange("attn.qkv.weight", "put the rows in order", rows(d.Config), nil)
		}},
	}
}
