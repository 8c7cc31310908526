package blame

import (
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

func cutPrefix(name, prefix string) (string, bool) { return strings.CutPrefix(name, prefix) }

var (
	embed  = []part{atEmbed}
	pooled = []part{atPool}
	head   = []part{atLogits}
)

// inEmbed returns the mistakes before the first block, those of the input too.
func inEmbed() []hypothesis {
	imagenet := [2][3]float64{{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}
	return []hypothesis{
		editing("channel-order", embed, "patch_embed.proj.weight", "the colours come as blue, green, red", "reverse the channels", reverseChannels),
		editing("turned-kernel", embed, "patch_embed.proj.weight", "across and down are exchanged in patch_embed.proj.weight", "exchange across and down", turnKernels),
		editing("no-bias", embed, "patch_embed.proj.bias", "patch_embed.proj.bias is left out", "zero", zeros),
		editing("no-position-embedding", embed, "pos_embed", "pos_embed is left out", "zero", zeros),
		editing("no-class-token", embed, "cls_token", "cls_token is left out", "zero", zeros),
		{name: "mask", at: embed, says: "the mask is left out", side: Input, apply: func(d *draft) bool {
			masked := d.input.Mask != nil
			d.input.Mask = nil
			return masked
		}},
		{name: "mask", at: embed, says: "the mask marks the patches that are seen", side: Input, apply: func(d *draft) bool {
			if d.input.Mask == nil {
				return false
			}
			d.input.Mask = slices.Clone(d.input.Mask)
			for i, masked := range d.input.Mask {
				d.input.Mask[i] = !masked
			}
			return true
		}},
		pixels("the images are normalised with ImageNet's mean and std", func(v float64, channel int) float64 {
			return (v*0.5 + 0.5 - imagenet[0][channel]) / imagenet[1][channel]
		}),
		pixels("the images are normalised with mean and std 0.5", func(v float64, channel int) float64 {
			return (v*imagenet[1][channel] + imagenet[0][channel] - 0.5) / 0.5
		}),
		pixels("the images are not normalised: they are in [0, 1]", func(v float64, _ int) float64 { return v*0.5 + 0.5 }),
		pixels("the images are not normalised: they are in [0, 255]", func(v float64, _ int) float64 { return (v*0.5 + 0.5) * 255 }),
	}
}

// pixels returns the hypothesis that the reference saw pixels that follow from those of the input.
func pixels(says string, change func(v float64, channel int) float64) hypothesis {
	return hypothesis{name: "normalisation", at: embed, says: says, side: Input, apply: func(d *draft) bool {
		c := d.Config
		if c.Channels != arch.RGB {
			return false
		}
		area := c.ImageHeight * c.ImageWidth
		changed := make([]float64, len(d.input.Pixels))
		for i, v := range d.input.Pixels {
			changed[i] = change(v, i/area%arch.RGB)
		}
		d.input.Pixels = changed
		return true
	}}
}

// inPool returns the mistakes between the last block and the head.
func inPool() []hypothesis {
	pool := func(says string, kind whatif.PoolKind) hypothesis {
		return program("pooling", pooled, says, "", func(r *whatif.Rules) { r.Pool = kind })
	}
	return []hypothesis{
		pool("the class token is pooled, not the mean of the patches", whatif.PoolClass),
		pool("the mean of the patches is pooled, not the class token", whatif.PoolMean),
		pool("the class token is part of the mean", whatif.PoolMeanOfAll),
		pool("the norm comes before the mean", whatif.PoolNormFirst),
		pool("the norm comes before the mean, and the class token is part of it", whatif.PoolNormFirstOfAll),
		pool("the maximum of the patches is pooled", whatif.PoolMax),
		pool("the sum of the patches is pooled", whatif.PoolSum),
		pool("the last token is pooled", whatif.PoolLast),
		program("no-last-norm", pooled, "there is no norm after the last block", "", func(r *whatif.Rules) { r.NoLastNorm = true }),
	}
}

// inLogits returns the mistakes in the head.
func inLogits() []hypothesis {
	either := func(name, says, repair string, change changeFunc, ending string) hypothesis {
		return hypothesis{name: name, at: head, says: says, apply: func(d *draft) bool { return d.edit(d.Config.HeadName()+ending, repair, change) }}
	}
	return []hypothesis{
		either("reshaped", "the head's weight was reshaped where it should have been transposed", "read as [in, out] and transpose", reread, ".weight"),
		either("no-bias", "the head's bias is left out", "zero", zeros, ".bias"),
		program("output", head, "the results are probabilities, not logits", "record the output of the head before softmax", func(r *whatif.Rules) { r.Output = whatif.Softmax }),
		program("output", head, "the results are logarithms of probabilities, not logits", "record the output of the head before log_softmax",
			func(r *whatif.Rules) { r.Output = whatif.LogSoftmax }),
		program("output", head, "the results are after a sigmoid, not logits", "record the output of the head before the sigmoid", func(r *whatif.Rules) { r.Output = whatif.Sigmoid }),
	}
}
