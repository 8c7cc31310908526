package blame

import (
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

var (
	embed  = []part{atEmbed}
	pooled = []part{atPool}
	head   = []part{atLogits}
)

const kernel = "patch_embed.proj.weight"

// inEmbed returns the mistakes before the first block, but for those of the input.
func inEmbed() []hypothesis {
	const axes = "put the axes of the kernel in order"
	flipped := func(says string, from func(channel, y, x, channels, side int) (int, int, int)) hypothesis {
		return editing("turned-kernel", embed, kernel, says, "turn the kernel", kernels(from))
	}
	all := []hypothesis{
		flipped("across and down are exchanged in patch_embed.proj.weight: each kernel is transposed",
			func(channel, y, x, _, _ int) (int, int, int) { return channel, x, y }),
		flipped("the kernels in patch_embed.proj.weight are turned by 180 degrees, as in a true convolution",
			func(channel, y, x, _, side int) (int, int, int) { return channel, side - 1 - y, side - 1 - x }),
		editing("no-bias", embed, "patch_embed.proj.bias", "patch_embed.proj.bias is left out", "zero", zeros),
		editing("no-position-embedding", embed, "pos_embed", "pos_embed is left out", "zero", zeros),
		program("no-position-embedding", embed, "the class token has no position embedding: pos_embed is added to the patches only",
			"add the first position to the class token, too",
			func(r *whatif.Rules) { r.NoClassPosition = true }),
		editing("no-class-token", embed, "cls_token", "cls_token is left out", "zero", zeros),
		editing("no-mask-token", embed, "mask_token", "masked patches are zero: mask_token is left out", "zero", zeros),
		program("patch-order", embed, "the patches are taken down first, column by column, not across", "take the patches row by row",
			func(r *whatif.Rules) { r.Down = true }),
		program("patch-order", embed, "the patches are taken in reverse, from the last one", "take the patches row by row, from the upper left",
			func(r *whatif.Rules) { r.Backwards = true }),
		program("patch-order", embed, "the class token comes last, behind the patches", "put the class token before the patches",
			func(r *whatif.Rules) { r.ClassLast = true }),
	}
	all = append(all, lonely(
		flipped("the kernels in patch_embed.proj.weight are mirrored left to right",
			func(channel, y, x, _, side int) (int, int, int) { return channel, y, side - 1 - x }),
		flipped("the kernels in patch_embed.proj.weight are flipped upside down",
			func(channel, y, x, _, side int) (int, int, int) { return channel, side - 1 - y, x }),
		editing("kernel-layout", embed, kernel, "the axes of patch_embed.proj.weight are stored as [out, height, width, channels]", axes, channelsLast),
		editing("kernel-layout", embed, kernel, "patch_embed.proj.weight was reshaped from [in, out] where it should have been transposed",
			"read as [in, out] and transpose", reread),
		editing("kernel-layout", embed, kernel, "the axes of patch_embed.proj.weight are stored as [height, width, channels, out] (transposed)", axes, spatialFirst),
		exchanging("swapped-tokens", embed, "mask_token", "cls_token"),
		inexact(editing("scaled", embed, kernel, "patch_embed.proj.weight is multiplied by 255: the pixels were meant to be in 0..255", "multiply by 255",
			scale(255)))[0],
		inexact(editing("scaled", embed, kernel, "patch_embed.proj.weight is multiplied by 1/255", "multiply by 1/255", scale(1.0/255)))[0],
		editing("position-order", embed, "pos_embed", "the position of the class token is the last of pos_embed, not the first", "roll the rows",
			positions(func(i, count int) int { return (i + count - 1) % count })),
		editing("position-order", embed, "pos_embed", "the position of the class token comes first in pos_embed, but is read as the last: it is rolled by 1",
			"roll the rows", positions(func(i, count int) int { return (i + 1) % count })),
		editing("position-order", embed, "pos_embed", "the positions in pos_embed are reversed", "reverse the rows",
			positions(func(i, count int) int { return count - 1 - i })),
		hypothesis{name: "position-order", at: embed, says: "the grid of pos_embed is transposed: the patches are taken down first", apply: func(d *draft) bool {
			height, width := d.Config.Window()
			return d.edit("pos_embed", "transpose the grid", positions(func(i, _ int) int {
				if i == 0 {
					return 0
				}
				return 1 + (i-1)%width*height + (i-1)/width
			}))
		}},
	)...)
	for _, name := range []string{kernel, "patch_embed.proj.bias", "cls_token", "pos_embed", "mask_token"} {
		for _, c := range changes[:3] {
			all = append(all, lonely(editing(c.name, embed, name, name+" "+c.says, c.repair, c.of))...)
		}
	}
	for _, folded := range foldedDeviations() {
		all = append(all, folded.hypothesis)
	}
	return all
}

// foldedNormalisation is tried after those about the input, of which it computes the same as images in [0, 1].
func foldedNormalisation() hypothesis {
	return hypothesis{
		name: "folded", at: embed, alone: true, slack: storedSlack,
		says: "the normalisation with mean and std 0.5 is folded into patch_embed.proj, and kept", apply: func(d *draft) bool {
			sums := []float64(nil)
			return d.edit(kernel, "divide by 2", func(values []float64, shape tensor.Shape) []float64 { return scale(0.5)(values, shape) }) &&
				d.edit("patch_embed.proj.bias", "add the sum of each kernel", func(values []float64, _ tensor.Shape) []float64 {
					if t, err := d.Tensor(kernel); err == nil { // which is changed: half of the stored one
						sums = sumsOfRows(t.Values(), len(values))
					}
					out := append([]float64(nil), values...)
					for i := range out {
						out[i] += sums[i]
					}
					return out
				})
		},
	}
}

func sumsOfRows(values []float64, count int) []float64 {
	sums, width := make([]float64, count), len(values)/count
	for i, v := range values {
		sums[i/width] += v
	}
	return sums
}

// positions returns a change of the order of the tokens in pos_embed, [1, tokens, C].
func positions(from func(i, count int) int) changeFunc {
	return func(values []float64, shape tensor.Shape) []float64 {
		return rows(from)(values, tensor.Shape{shape[1], shape[2]})
	}
}

// inPool returns the mistakes between the last block and the head.
func inPool() []hypothesis {
	pool := func(says string, kind whatif.PoolKind) hypothesis {
		return program("pooling", pooled, says, "pool as the model does: the mean of the patches and then the norm, or the normalised class token",
			func(r *whatif.Rules) { r.Pool = kind })
	}
	all := []hypothesis{
		pool("the class token is pooled, not the mean of the patches", whatif.PoolClass),
		pool("the mean of the patches is pooled, not the class token", whatif.PoolMean),
		pool("the class token is part of the mean", whatif.PoolMeanOfAll),
		pool("the norm comes before the mean", whatif.PoolNormFirst),
		pool("the norm comes before the mean, and the class token is part of it", whatif.PoolNormFirstOfAll),
		pool("the maximum of the patches is pooled", whatif.PoolMax),
		pool("the sum of the patches is pooled", whatif.PoolSum),
		pool("the last token is pooled", whatif.PoolLast),
		pool("the first patch is pooled", whatif.PoolFirstPatch),
		pool("the class token is added to the mean of the patches", whatif.PoolMeanAndClass),
		program("pooling", pooled, "what is pooled is normalised to length 1", "give the head what the last norm makes", func(r *whatif.Rules) { r.UnitPool = true }),
		program("no-last-norm", pooled, "there is no norm after the last block: the last norm (fc_norm or norm) is left out", "apply the last norm before the head",
			func(r *whatif.Rules) { r.NoLastNorm = true }),
		lastNorm("swapped-norms", "the weight and the bias of the last norm are exchanged", func(d *draft, weight, bias string) bool { return d.swap(weight, bias) }),
		lastNorm("ones", "the weight of the last norm is left out: it is all ones", func(d *draft, weight, _ string) bool { return d.edit(weight, "ones", ones) }),
		lastNorm("no-bias", "the bias of the last norm is left out", func(d *draft, _, bias string) bool { return d.edit(bias, "zero", zeros) }),
		lastNorm("ones", "the last norm has neither weight (all ones) nor bias (zero)", func(d *draft, weight, bias string) bool {
			return d.edit(weight, "ones", ones) && d.edit(bias, "zero", zeros)
		}),
	}
	for _, c := range changes {
		all = append(all, lonely(
			lastNorm(c.name, "the weight of the last norm "+c.says, func(d *draft, weight, _ string) bool { return d.edit(weight, c.repair, c.of) }),
			lastNorm(c.name, "the bias of the last norm "+c.says, func(d *draft, _, bias string) bool { return d.edit(bias, c.repair, c.of) }),
		)...)
	}
	return all
}

// lastNorm returns a hypothesis about the norm before the head.
func lastNorm(name, says string, apply func(d *draft, weight, bias string) bool) hypothesis {
	return hypothesis{name: name, at: pooled, says: says, apply: func(d *draft) bool {
		norm := d.Config.NormName()
		return apply(d, norm+".weight", norm+".bias")
	}}
}

// inLogits returns the mistakes in the head.
func inLogits() []hypothesis {
	either := func(name, says, repair string, change changeFunc, ending string) hypothesis {
		return hypothesis{name: name, at: head, says: says, apply: func(d *draft) bool { return d.edit(d.Config.HeadName()+ending, repair, change) }}
	}
	all := []hypothesis{
		either("reshaped", "the head's weight was reshaped where it should have been transposed", "read as [in, out] and transpose", reread, ".weight"),
		either("no-bias", "the head's bias is left out", "zero", zeros, ".bias"),
		program("output", head, "the results are probabilities, not logits", "record the output of the head before softmax",
			func(r *whatif.Rules) { r.Output = whatif.Softmax }),
		program("output", head, "the results are logarithms of probabilities, not logits", "record the output of the head before log_softmax",
			func(r *whatif.Rules) { r.Output = whatif.LogSoftmax }),
		program("output", head, "the results are after a sigmoid, not logits", "record the output of the head before the sigmoid",
			func(r *whatif.Rules) { r.Output = whatif.Sigmoid }),
	}
	unit := program("pooling", head, "what the head reads is normalised to length 1", "give the head what the last norm makes",
		func(r *whatif.Rules) { r.UnitHead = true })
	unit.alone = true // on whole models it computes the same as the one about what is pooled
	all = append(all, unit)
	for _, c := range changes[:3] {
		weight, bias := either(c.name, "the head's weight "+c.says, c.repair, c.of, ".weight"), either(c.name, "the head's bias "+c.says, c.repair, c.of, ".bias")
		all = append(all, both("the logits, by weight and bias of the head, are each "+strings.TrimPrefix(c.says, "is "), weight, bias), weight, bias)
	}
	columns := func(says string, order func(n int) []int) hypothesis {
		return hypothesis{name: "permuted", at: head, alone: true, says: "the columns of the head's weight are " + says, apply: func(d *draft) bool {
			name := d.Config.HeadName() + ".weight"
			t, err := d.Tensor(name)
			return err == nil && d.rearrange(name, "put the columns in order", nil, order(t.Shape[1]))
		}}
	}
	classes := func(says string, order func(n int) []int) hypothesis {
		return hypothesis{name: "class-order", at: head, says: "the classes are " + says, apply: func(d *draft) bool {
			name, rows := d.Config.HeadName(), order(d.Config.Classes)
			return d.rearrange(name+".weight", "put the classes in order", rows, nil) && d.rearrange(name+".bias", "put the classes in order", rows, nil)
		}}
	}
	by := func(n int) func(int) []int { return func(count int) []int { return rolled(count, n) } }
	return append(all, columns("reversed", reversed), columns("rolled by 1", by(1)), columns("rolled back by 1", by(-1)),
		classes("reversed", reversed), classes("rolled by 1", by(1)), classes("rolled back by 1", by(-1)))
}
