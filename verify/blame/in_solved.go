package blame

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// solved returns mistakes of the checkpoint that solvers find where there are activations, in the shapes that programs make: they are tried in whole models only.
func solved() []hypothesis {
	return slices.Concat(headOrders(), inLines(), inPermutedVectors(), rescaled())
}

// simpleOrders are the orders in which things stand after a common mistake.
var simpleOrders = []struct {
	says string
	of   func(n int) []int
}{
	{"in reverse order", reversed},
	{"rolled by 1", func(n int) []int { return rolled(n, 1) }},
	{"rolled back by 1", func(n int) []int { return rolled(n, -1) }},
}

// headsIn is something in which heads stand one behind the other.
type headsIn struct {
	says      string
	parameter string
	// parts are the thirds of qkv.weight that are concerned, columns that heads are columns, and single that each is one line.
	parts           []int
	columns, single bool
	biases          []string
}

// headOrders returns the hypotheses that heads, or the channels in them, stand in another order, in the weight and in its bias.
func headOrders() []hypothesis {
	var all []hypothesis
	for _, o := range simpleOrders {
		for _, in := range []headsIn{
			{says: "the queries (q), in attn.qkv.weight and attn.q_bias,", parameter: fused, parts: []int{0}, biases: []string{"attn.q_bias"}},
			{says: "the keys (k) in attn.qkv.weight", parameter: fused, parts: []int{1}},
			{says: "the values (v), in attn.qkv.weight and attn.v_bias,", parameter: fused, parts: []int{2}, biases: []string{"attn.v_bias"}},
			{says: "queries and keys, in attn.qkv.weight and attn.q_bias,", parameter: fused, parts: []int{0, 1}, biases: []string{"attn.q_bias"}},
			{
				says: "queries, keys and values, in attn.qkv.weight and the biases,", parameter: fused, parts: []int{0, 1, 2},
				biases: []string{"attn.q_bias", "attn.v_bias"},
			},
			{says: "the columns of attn.proj.weight", parameter: "attn.proj.weight", parts: []int{0}, columns: true},
			{says: "the relative position bias table", parameter: table, parts: []int{0}, columns: true, single: true},
		} {
			all = append(all, in.ordered(o.says, o.of))
		}
	}
	for _, third := range []third{0, 2} {
		bias := [...]string{"attn.q_bias", "", "attn.v_bias"}[third]
		for _, o := range channelOrders {
			of := func(c arch.Config) []int {
				order := inHeads(c, 0, o.of(c.HeadDim()))
				return order[:c.EmbedDim]
			}
			rows := func(c arch.Config) []int { return inHeads(c, int(third), o.of(c.HeadDim())) }
			all = append(all, both(fmt.Sprintf("the channels in each head of %s, in attn.qkv.weight and %s, %s", third, bias, o.says),
				arranging("permuted", attention, fused, "", rows, nil, "", nil), arranging("", attention, bias, "", of, nil, "", nil)))
		}
	}
	return lonely(all...)
}

// ordered returns the hypothesis that heads are in an order.
func (in headsIn) ordered(says string, of func(n int) []int) hypothesis {
	return hypothesis{name: "permuted-heads", at: attention, says: "the heads of " + in.says + " are " + says, apply: func(d *draft) bool {
		heads, width := of(d.Config.Heads), d.Config.HeadDim()
		if in.single {
			width = 1
		}
		size := len(heads) * width
		order := rolled(size, 0)
		for i := range order {
			order[i] = heads[i/width]*width + i%width
		}
		whole := order
		if in.parameter == fused {
			whole = rolled(3*size, 0)
			for _, part := range in.parts {
				for i, from := range order {
					whole[part*size+i] = part*size + from
				}
			}
		}
		rows, columns, repair := whole, []int(nil), "put the heads in order"
		if in.columns {
			rows, columns = nil, whole
		}
		done := d.rearrange(in.parameter, repair, rows, columns)
		for _, bias := range in.biases {
			done = d.rearrange(bias, repair, order, nil) && done
		}
		return done
	}}
}

// inLines returns the hypotheses that rows or columns of a weight stand in another order.
func inLines() []hypothesis {
	var all []hypothesis
	width := func(c arch.Config) int { return c.EmbedDim }
	hidden := func(c arch.Config) int { return c.HiddenDim }
	for _, w := range []struct {
		at            []part
		name          string
		rows, columns func(arch.Config) int
	}{{attention, "attn.proj.weight", width, width}, {mlp, "mlp.fc2.weight", width, hidden}} {
		for _, o := range simpleOrders {
			order := func(n func(arch.Config) int) func(arch.Config) []int {
				return func(c arch.Config) []int { return o.of(n(c)) }
			}
			all = append(all,
				arranging("permuted", w.at, w.name, "the rows of "+w.name+" are "+o.says, order(w.rows), nil, "", nil),
				arranging("permuted", w.at, w.name, "the columns of "+w.name+" are "+o.says, nil, order(w.columns), "", nil))
		}
	}
	for _, o := range []struct {
		says string
		of   func(c arch.Config) []int
	}{
		{"[heads, width] to [width, heads]", func(c arch.Config) []int { return grid(c.Heads, c.HeadDim()) }},
		{"[width, heads] to [heads, width]", func(c arch.Config) []int { return grid(c.HeadDim(), c.Heads) }},
	} {
		all = append(all, arranging("permuted", attention, "attn.proj.weight", "the rows of attn.proj.weight are rearranged from "+o.says, o.of, nil, "", nil))
	}
	return lonely(all...)
}

// inPermutedVectors returns the hypotheses that the values of biases stand in another order.
func inPermutedVectors() []hypothesis {
	var all []hypothesis
	for _, v := range []struct {
		at   []part
		name string
	}{{attention, "attn.v_bias"}, {attention, "attn.proj.bias"}, {mlp, "mlp.fc2.bias"}} {
		for _, c := range changes {
			if c.name == "permuted" {
				all = append(all, editing(c.name, v.at, v.name, v.name+" "+c.says, c.repair, c.of))
			}
		}
	}
	return lonely(all...)
}

// rescaled returns the hypotheses that the output layers of the branches were divided, as before training, by a number that grows with that of the block
// (microsoft/unilm beit/modeling_finetune.py, fix_init_weight).
func rescaled() []hypothesis {
	var all []hypothesis
	for _, w := range []struct {
		at   []part
		name string
	}{{attention, "attn.proj.weight"}, {mlp, "mlp.fc2.weight"}} {
		for _, more := range []int{1, 2} {
			says := fmt.Sprintf("%s is multiplied by √(2 (number of the block + %d)), by which it was divided", w.name, more)
			all = append(all, inexact(hypothesis{name: "scaled", at: w.at, says: says, apply: func(d *draft) bool {
				for _, place := range d.places {
					t, err := d.Tensor(place + w.name)
					if err != nil {
						return false
					}
					factor := sqrt(2 * (blockOf(place) + more))
					d.set(place+w.name, "multiply by "+factorText(factor), t.Map(func(values []float64) []float64 {
						return scale(factor)(values, tensor.Shape{len(values)})
					}))
				}
				return len(d.places) > 0
			}})...)
		}
	}
	return lonely(all...)
}

// exchangingBlocks returns the hypotheses that two blocks, or the same part of both, are exchanged.
func exchangingBlocks(a, b int) []hypothesis {
	var all []hypothesis
	for _, p := range []struct {
		name, says string
		at         []part
		prefixes   []string
	}{
		{"block-order", "blocks.%d and blocks.%d are exchanged", wholeBlock, []string{""}},
		{"other-block", "the attention of blocks.%d and blocks.%d is exchanged", attention, []string{"attn."}},
		{"other-block", "the attention of blocks.%d and blocks.%d, with norm1, is exchanged", attention, []string{"attn.", "norm1."}},
		{"other-block", "the MLPs of blocks.%d and blocks.%d are exchanged", mlp, []string{"mlp."}},
		{"other-block", "the MLPs of blocks.%d and blocks.%d, with norm2, are exchanged", mlp, []string{"mlp.", "norm2."}},
		{"other-block", "the norms of blocks.%d and blocks.%d are exchanged", branches, []string{"norm"}},
		{"other-block", "the layer scale of blocks.%d and blocks.%d is exchanged", sums, []string{"gamma"}},
	} {
		all = append(all, hypothesis{name: p.name, at: p.at, says: fmt.Sprintf(p.says, a, b), alone: true, apply: func(d *draft) bool {
			done := false
			for _, place := range d.places {
				if from, concerned := map[int]int{a: b, b: a}[blockOf(place)]; concerned {
					done = d.takeAll(place, prefix(from), within(p.prefixes...)) || done
				}
			}
			return done
		}})
	}
	return all
}

// within returns a function that reports whether a name begins with one of the prefixes.
func within(prefixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
}
