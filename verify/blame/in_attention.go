package blame

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

// epsilons returns the hypotheses that the LayerNorms of the reference have another epsilon.
func epsilons() []hypothesis {
	var all []hypothesis
	const none = 1e-300
	for _, value := range []float64{arch.EpsilonHF, arch.Epsilon, 1e-5, 1e-3, 1e-8, 1e-7, 1e-4, 1e-2, none} {
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
			rare := value != arch.EpsilonHF && value != arch.Epsilon && value != 1e-5 && value != 1e-3
			all = append(all, hypothesis{name: "epsilon", at: n.at, says: n.name + " is ", side: Program, alone: rare && len(n.at) == 1, apply: func(d *draft) bool {
				if d.Config.Epsilon == value {
					return false
				}
				said := value
				if value == none {
					said = 0
				}
				if len(n.at) > 1 {
					d.epsilon = said // a model has one for all norms
				}
				d.note = fmt.Sprintf("%g, not %g", said, d.Config.Epsilon)
				n.set(&d.Rules)
				return true
			}})
		}
	}
	return all
}

var attention = []part{atAttention}

// inAttention returns the mistakes in the attention branch, but for its layout.
func inAttention() []hypothesis {
	const read = "read as [in, out] and transpose"
	all := []hypothesis{
		editing("transposed", attention, "attn.proj.weight", "attn.proj.weight is transposed", "transpose", reread),
		exchanging("swapped-biases", attention, "attn.q_bias", "attn.v_bias"),
		{name: "no-q-and-v-bias", at: attention, says: "q_bias and v_bias are left out", apply: func(d *draft) bool {
			return d.edit("attn.q_bias", "zero", zeros) && d.edit("attn.v_bias", "zero", zeros)
		}},
		editing("no-bias", attention, "attn.q_bias", "attn.q_bias is left out", "zero", zeros),
		editing("no-bias", attention, "attn.v_bias", "attn.v_bias is left out", "zero", zeros),
		editing("no-bias", attention, "attn.proj.bias", "attn.proj.bias is left out", "zero", zeros),
		editing("reshaped", attention, "attn.qkv.weight", "attn.qkv.weight was reshaped where it should have been transposed", read, reread),
		{name: "swapped-biases", at: attention, says: "the keys, not the queries, have q_bias, and the queries have v_bias", apply: func(d *draft) bool {
			return d.exchange("attn.q_bias", "attn.v_bias") && d.edit("attn.v_bias", "zero", zeros)
		}},
		{name: "swapped-biases", at: attention, says: "the values have q_bias, and the queries have no bias", apply: func(d *draft) bool {
			return d.exchange("attn.q_bias", "attn.v_bias") && d.edit("attn.q_bias", "zero", zeros)
		}},
	}
	all = append(all, inScores()...)
	all = append(all, exchangedVectors()...)
	return append(all, lonely(
		arranging(attention, "attn.proj.weight", "attn.proj.weight is transposed, and its inputs are rearranged from [heads, width] to [width, heads]",
			nil, nil, "transpose", func(c arch.Config) []int { return grid(c.Heads, c.HeadDim()) }),
		arranging(attention, "attn.proj.weight", "attn.proj.weight is transposed, and its inputs are rearranged from [width, heads] to [heads, width]",
			nil, nil, "transpose", func(c arch.Config) []int { return grid(c.HeadDim(), c.Heads) }),
		arranging(attention, "attn.proj.weight", "the columns of attn.proj.weight are rearranged from [heads, width] to [width, heads]",
			nil, func(c arch.Config) []int { return grid(c.Heads, c.HeadDim()) }, "", nil),
		arranging(attention, "attn.proj.weight", "the columns of attn.proj.weight are rearranged from [width, heads] to [heads, width]",
			nil, func(c arch.Config) []int { return grid(c.HeadDim(), c.Heads) }, "", nil),
	)...)
}

// arranging returns the hypothesis that rows or columns of a weight are permuted; nil leaves them as they are. If turn is not empty, it is a square weight that is
// transposed first, and then has its columns permuted.
func arranging(at []part, ending, says string, rows, columns func(arch.Config) []int, turn string, turned func(arch.Config) []int) hypothesis {
	of := func(order func(arch.Config) []int, c arch.Config) []int {
		if order == nil {
			return nil
		}
		return order(c)
	}
	return hypothesis{name: "permuted", at: at, says: says, apply: func(d *draft) bool {
		if turn != "" {
			return d.edit(ending, turn, reread) && d.rearrange(ending, "put the columns in order", nil, turned(d.Config))
		}
		repair := "put the rows in order"
		if columns != nil {
			repair = "put the columns in order"
		}
		return d.rearrange(ending, repair, of(rows, d.Config), of(columns, d.Config))
	}}
}

// inScores returns the mistakes between queries and keys and the weights of the attention.
func inScores() []hypothesis {
	const advice, softmax = "multiply the queries by 1/√(width of a head), once", "apply softmax over the keys, the last axis"
	all := []hypothesis{
		program("query-scale", attention, "the queries are not multiplied by 1/√d", advice, func(r *whatif.Rules) { r.QueryScale = 1 }),
	}
	for _, s := range []struct {
		says string
		of   func(c arch.Config) float64
	}{
		{"1/d, not 1/√d", func(c arch.Config) float64 { return 1 / float64(c.HeadDim()) }},
		{"1/√C, by the width of all heads, not 1/√d", func(c arch.Config) float64 { return 1 / sqrt(c.EmbedDim) }},
		{"1/√(number of heads), not 1/√d", func(c arch.Config) float64 { return 1 / sqrt(c.Heads) }},
		{"1/8, as for heads of width 64, not 1/√d", func(arch.Config) float64 { return 1.0 / 8 }},
	} {
		all = append(all, hypothesis{
			name: "query-scale", at: attention, says: "the queries are multiplied by " + s.says, side: Program, advice: advice,
			apply: func(d *draft) bool {
				d.Rules.QueryScale = s.of(d.Config)
				return math.Abs(d.Rules.QueryScale*sqrt(d.Config.HeadDim())-1) > 1e-9
			},
		})
	}
	for i := range all {
		all[i] = everywhere(all[i])
	}
	return append(all,
		everywhere(program("bias-scale", attention, "the relative position bias is added before the scale, and multiplied with it",
			"add the relative position bias after the scale", func(r *whatif.Rules) { r.ScaledBias = true })),
		program("no-class-bias", attention, "pairs with the class token have no relative position bias", "use the last three rows of the table for the class token",
			func(r *whatif.Rules) { r.NoClassBias = true }),
		program("softmax", attention, "softmax is over the queries, not the keys", softmax, func(r *whatif.Rules) { r.Weights = whatif.SoftmaxOverQueries }),
		program("softmax", attention, "softmax is over the heads, not the keys", softmax, func(r *whatif.Rules) { r.Weights = whatif.SoftmaxOverHeads }),
		program("softmax", attention, "the scores go through a sigmoid, not through softmax", softmax, func(r *whatif.Rules) { r.Weights = whatif.Sigmoids }),
		program("softmax", attention, "there is no softmax: scores are divided by the number of tokens", softmax,
			func(r *whatif.Rules) { r.Weights = whatif.NoSoftmax }),
		program("softmax", attention, "the relative position bias is added after softmax", "add the relative position bias to the scores, before softmax",
			func(r *whatif.Rules) { r.LateBias = true }),
		program("keys", attention, "the attention is causal: no token sees a later one", "remove the causal mask",
			func(r *whatif.Rules) { r.Keys = whatif.EarlierKeys }),
		program("keys", attention, "no token attends to the class token", "let queries attend to the key of the class token",
			func(r *whatif.Rules) { r.Keys = whatif.PatchKeys }),
		program("unit-queries", attention, "q and k are normalised to length 1 (QK norm)", "use queries and keys as they are",
			func(r *whatif.Rules) { r.UnitQK = true }),
		program("heads-apart", attention, "the heads are not put back beside each other: [heads, tokens, width] was reshaped, not transposed",
			"transpose to [tokens, heads, width] before reshaping", func(r *whatif.Rules) { r.HeadsApart = true }),
		program("no-proj", attention, "attn.proj is left out", "apply attn.proj to the heads", func(r *whatif.Rules) { r.NoProj = true }),
	)
}
