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
	return slices.Concat(inChannels(), inLines())
}

// inChannels returns the hypotheses that the channels in heads stand in another order, in the weight and in its bias.
func inChannels() []hypothesis {
	var all []hypothesis
	for _, third := range []third{0, 2} {
		bias := [...]string{"attn.q_bias", "", "attn.v_bias"}[third]
		for _, o := range channelOrders {
			of := func(c arch.Config) []int {
				order := inHeads(c, 0, o.of(c.HeadDim()))
				return order[:c.EmbedDim]
			}
			rows := func(c arch.Config) []int { return inHeads(c, int(third), o.of(c.HeadDim())) }
			all = append(all, both(fmt.Sprintf("the channels in each head of %s, in attn.qkv.weight and %s, %s", third, bias, o.says),
				arranging(attention, fused, "", rows, nil, "", nil), arranging(attention, bias, "", of, nil, "", nil)))
		}
	}
	return lonely(all...)
}

// inLines returns the hypotheses that lines of a weight stand in another order: columns, and the rows of proj as other layouts of heads have them.
func inLines() []hypothesis {
	var all []hypothesis
	for _, w := range []struct {
		at    []part
		name  string
		width func(arch.Config) int
	}{
		{attention, "attn.proj.weight", func(c arch.Config) int { return c.EmbedDim }},
		{mlp, "mlp.fc2.weight", func(c arch.Config) int { return c.HiddenDim }},
	} {
		for _, o := range orders[:3] {
			columns := func(c arch.Config) []int { return o.of(w.width(c)) }
			all = append(all, arranging(w.at, w.name, "the columns of "+w.name+" "+o.says, nil, columns, "", nil))
		}
	}
	for _, o := range []struct {
		says string
		of   func(c arch.Config) []int
	}{
		{"[heads, width] to [width, heads]", func(c arch.Config) []int { return grid(c.Heads, c.HeadDim()) }},
		{"[width, heads] to [heads, width]", func(c arch.Config) []int { return grid(c.HeadDim(), c.Heads) }},
	} {
		all = append(all, arranging(attention, "attn.proj.weight", "the rows of attn.proj.weight are rearranged from "+o.says, o.of, nil, "", nil))
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
		{otherBlock, "the attention of blocks.%d and blocks.%d is exchanged", attention, []string{"attn."}},
		{otherBlock, "the attention of blocks.%d and blocks.%d, with norm1, is exchanged", attention, []string{"attn.", "norm1."}},
		{otherBlock, "the MLPs of blocks.%d and blocks.%d are exchanged", mlp, []string{"mlp."}},
		{otherBlock, "the MLPs of blocks.%d and blocks.%d, with norm2, are exchanged", mlp, []string{"mlp.", "norm2."}},
		{otherBlock, "the norms of blocks.%d and blocks.%d are exchanged", branches, []string{"norm"}},
		{otherBlock, "the layer scale of blocks.%d and blocks.%d is exchanged", sums, []string{"gamma"}},
	} {
		all = append(all, hypothesis{name: p.name, at: p.at, says: fmt.Sprintf(p.says, a, b), alone: true, apply: func(d *draft) bool {
			done := false
			for _, place := range d.places {
				if from, concerned := map[int]int{a: b, b: a}[blockOf(place)]; concerned {
					done = d.takeAll(place, prefix(from), startsWith(p.prefixes...)) || done
				}
			}
			return done
		}})
	}
	return all
}

// startsWith returns a function that reports whether a name begins with one of the prefixes.
func startsWith(prefixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
}
