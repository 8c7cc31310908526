package blame

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// hypothesis is a way in which programs get a BEiT wrong.
type hypothesis struct {
	name string
	// stages are the kinds of stage that it can concern.
	stages []string
	// says completes "... agrees with the reference if ".
	says string
	// likely ones are tried on whole models too.
	likely bool
	// apply changes the trial; false means that it has no meaning here.
	apply func(t *trial) bool
}

// hypotheses are tried in this order; on a whole model the first that agrees wins.
var hypotheses = []hypothesis{
	{"epsilon", []string{block, pool}, "the LayerNorm epsilon is ", true, epsilon(arch.EpsilonHF)},
	{"epsilon", []string{block, pool}, "the LayerNorm epsilon is ", true, epsilon(arch.Epsilon)},
	{"epsilon", []string{block, pool}, "the LayerNorm epsilon is ", true, epsilon(1e-5)},
	{"transposed proj", []string{block}, "attn.proj.weight is transposed", true, editing("attn.proj.weight", reread)},
	{"transposed index", []string{block}, "the relative position index is transposed (rows are queries)", true, editing("relative_position_bias_table", turnIndex)},
	{"no relative position bias", []string{block}, "there is no relative position bias", true, editing("relative_position_bias_table", zeros)},
	{"tanh GELU", []string{block}, "GELU is its tanh approximation", true, func(t *trial) bool { t.engine.TanhGELU = true; return true }},
	{"class-token pooling", []string{pool}, "the class token is pooled, not the mean of the patches", true, pooling(arch.MeanPooling, arch.ClassToken, "fc_norm.", "norm.")},
	{"mean pooling", []string{pool}, "the mean of the patches is pooled, not the class token", true, pooling(arch.ClassToken, arch.MeanPooling, "norm.", "fc_norm.")},
	{"swapped gammas", []string{block}, "gamma_1 and gamma_2 are exchanged", true, exchanging("gamma_1", "gamma_2")},
	{"BGR", []string{embed}, "the colours come as blue, green, red", true, editing("patch_embed.proj.weight", reverseChannels)},

	{"q and k swapped", []string{block}, "q and k are exchanged in attn.qkv.weight", false, editing("attn.qkv.weight", thirds([3]int{1, 0, 2}))},
	{"q and v swapped", []string{block}, "q and v are exchanged in attn.qkv.weight", false, editing("attn.qkv.weight", thirds([3]int{2, 1, 0}))},
	{"k and v swapped", []string{block}, "k and v are exchanged in attn.qkv.weight", false, editing("attn.qkv.weight", thirds([3]int{0, 2, 1}))},
	{"k, v, q", []string{block}, "attn.qkv.weight is read as k, v, q", false, editing("attn.qkv.weight", thirds([3]int{2, 0, 1}))},
	{"v, q, k", []string{block}, "attn.qkv.weight is read as v, q, k", false, editing("attn.qkv.weight", thirds([3]int{1, 2, 0}))},
	{"q and v swapped with biases", []string{block}, "q and v are exchanged, in weight and biases", false, func(t *trial) bool {
		return t.edit("attn.qkv.weight", thirds([3]int{2, 1, 0})) && t.exchange("attn.q_bias", "attn.v_bias")
	}},
	{"biases swapped", []string{block}, "attn.q_bias and attn.v_bias are exchanged", false, exchanging("attn.q_bias", "attn.v_bias")},
	{"heads before q, k, v", []string{block}, "attn.qkv.weight is read as [heads, 3, width], not as [3, heads, width]", false, func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{t.config.Heads, 3, t.config.HeadDim()}, [3]int{1, 0, 2}))
	}},
	{"q, k, v before heads", []string{block}, "attn.qkv.weight is rearranged from [3, heads, width] to [heads, 3, width]", false, func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{3, t.config.Heads, t.config.HeadDim()}, [3]int{1, 0, 2}))
	}},
	{"channels before heads", []string{block}, "attn.qkv.weight is read as [3, width, heads], not as [3, heads, width]", false, func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{3, t.config.HeadDim(), t.config.Heads}, [3]int{0, 2, 1}))
	}},
	{"heads before channels", []string{block}, "attn.qkv.weight is rearranged from [3, heads, width] to [3, width, heads]", false, func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{3, t.config.Heads, t.config.HeadDim()}, [3]int{0, 2, 1}))
	}},
	{"reshaped qkv", []string{block}, "attn.qkv.weight was reshaped where it should have been transposed", false, editing("attn.qkv.weight", reread)},
	{"reshaped fc1", []string{block}, "mlp.fc1.weight was reshaped where it should have been transposed", false, editing("mlp.fc1.weight", reread)},
	{"reshaped fc2", []string{block}, "mlp.fc2.weight was reshaped where it should have been transposed", false, editing("mlp.fc2.weight", reread)},
	{"all linears reshaped", []string{block}, "no linear weight was transposed, only reshaped", false, func(t *trial) bool {
		return t.edit("attn.qkv.weight", reread) && t.edit("attn.proj.weight", reread) && t.edit("mlp.fc1.weight", reread) && t.edit("mlp.fc2.weight", reread)
	}},
	{"window turned", []string{block}, "across and down are exchanged in the relative position index", false, func(t *trial) bool {
		height, width := t.config.Window()
		return height == width && t.edit("relative_position_bias_table", exchangeAxes)
	}},
	{"no q and v bias", []string{block}, "q_bias and v_bias are left out", false, func(t *trial) bool {
		return t.edit("attn.q_bias", zeros) && t.edit("attn.v_bias", zeros)
	}},
	{"no q bias", []string{block}, "attn.q_bias is left out", false, editing("attn.q_bias", zeros)},
	{"no v bias", []string{block}, "attn.v_bias is left out", false, editing("attn.v_bias", zeros)},
	{"no proj bias", []string{block}, "attn.proj.bias is left out", false, editing("attn.proj.bias", zeros)},
	{"no fc1 bias", []string{block}, "mlp.fc1.bias is left out", false, editing("mlp.fc1.bias", zeros)},
	{"no fc2 bias", []string{block}, "mlp.fc2.bias is left out", false, editing("mlp.fc2.bias", zeros)},
	{"no layer scale", []string{block}, "gamma_1 and gamma_2 are left out", false, func(t *trial) bool {
		return t.edit("gamma_1", ones) && t.edit("gamma_2", ones)
	}},
	{"swapped norms", []string{block}, "norm1 and norm2 are exchanged", false, func(t *trial) bool {
		return t.exchange("norm1.weight", "norm2.weight") && t.exchange("norm1.bias", "norm2.bias")
	}},
	{"unscaled q", []string{block}, "the queries are not multiplied by 1/√d", false, func(t *trial) bool {
		root := math.Sqrt(float64(t.config.HeadDim()))
		return t.edit("attn.qkv.weight", scaleQueries(root)) && t.edit("attn.q_bias", scale(root))
	}},
	{"next block", []string{block}, "it has the weights of ", false, neighbour(1)},
	{"previous block", []string{block}, "it has the weights of ", false, neighbour(-1)},

	{"turned kernel", []string{embed}, "across and down are exchanged in patch_embed.proj.weight", false, editing("patch_embed.proj.weight", turnKernels)},
	{"no patch bias", []string{embed}, "patch_embed.proj.bias is left out", false, editing("patch_embed.proj.bias", zeros)},
	{"no position embedding", []string{embed}, "pos_embed is left out", false, editing("pos_embed", zeros)},
	{"no class token", []string{embed}, "cls_token is left out", false, editing("cls_token", zeros)},
	{"no mask", []string{embed}, "the mask is left out", false, func(t *trial) bool {
		masked := t.input.Mask != nil
		t.input.Mask = nil
		return masked
	}},
	{"inverted mask", []string{embed}, "the mask marks the patches that are seen", false, invertMask},
	{"ImageNet mean and std", []string{embed}, "the images are normalised with ImageNet's mean and std", false, normalise([3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}, false)},
	{"mean and std 0.5", []string{embed}, "the images are normalised with mean and std 0.5", false, normalise([3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}, true)},

	{"mean with class token", []string{pool}, "the class token is part of the mean", false, meanOfAll},
	{"reshaped head", []string{logits}, "the head's weight was reshaped where it should have been transposed", false, func(t *trial) bool {
		return t.edit("head.weight", reread) || t.edit("lm_head.weight", reread)
	}},
	{"no head bias", []string{logits}, "the head's bias is left out", false, func(t *trial) bool {
		return t.edit("head.bias", zeros) || t.edit("lm_head.bias", zeros)
	}},
}

// epsilon sets that of the LayerNorms.
func epsilon(value float64) func(*trial) bool {
	return func(t *trial) bool {
		if t.config.Epsilon == value {
			return false
		}
		t.note = fmt.Sprintf("%g, not %g", value, t.config.Epsilon)
		t.advice = fmt.Sprintf("if that is what the reference ran with, pass --epsilon %g", value)
		t.config.Epsilon = value
		return true
	}
}

func editing(ending string, change func([]float64, tensor.Shape) []float64) func(*trial) bool {
	return func(t *trial) bool { return t.edit(ending, change) }
}

func exchanging(a, b string) func(*trial) bool {
	return func(t *trial) bool { return t.exchange(a, b) }
}

// pooling changes the head's input, and the name of its norm with it.
func pooling(from, to arch.Pooling, fromNorm, toNorm string) func(*trial) bool {
	return func(t *trial) bool {
		if t.config.Pooling != from {
			return false
		}
		t.config.Pooling = to
		t.rename(fromNorm, toNorm)
		return true
	}
}

// neighbour takes the weights of a block next to this one.
func neighbour(step int) func(*trial) bool {
	return func(t *trial) bool {
		if t.whole {
			return false
		}
		i, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(t.prefix, "blocks"), "."))
		other := fmt.Sprintf("blocks.%d.", i+step)
		t.note = strings.TrimSuffix(other, ".")
		if err != nil || i+step < 0 || i+step >= t.config.Depth {
			return false
		}
		return t.exchangeBlocks(other)
	}
}

// exchangeBlocks swaps all parameters of the block with those of another.
func (t *trial) exchangeBlocks(other string) bool {
	own := t.prefix
	t.rename(own, "\x00")
	t.rename(other, own)
	t.rename("\x00", other)
	return true
}

func invertMask(t *trial) bool {
	if t.input.Mask == nil {
		return false
	}
	inverted := make([]bool, len(t.input.Mask))
	for i, masked := range t.input.Mask {
		inverted[i] = !masked
	}
	t.input.Mask = inverted
	return true
}

// normalise turns pixels that were normalised with mean and std 0.5 into those normalised with the given ones, or back.
func normalise(mean, std [3]float64, back bool) func(*trial) bool {
	return func(t *trial) bool {
		area := t.config.ImageHeight * t.config.ImageWidth
		changed := make([]float32, len(t.input.Pixels))
		for i, v := range t.input.Pixels {
			channel := i / area % 3
			if back {
				changed[i] = float32((float64(v)*std[channel] + mean[channel] - 0.5) / 0.5)
			} else {
				changed[i] = float32((float64(v)*0.5 + 0.5 - mean[channel]) / std[channel])
			}
		}
		t.input.Pixels = changed
		return true
	}
}

// meanOfAll moves the patch tokens so that their mean is that of all tokens.
func meanOfAll(t *trial) bool {
	tokens, dim := t.config.Tokens(), t.config.EmbedDim
	if t.config.Pooling != arch.MeanPooling || t.whole {
		return false
	}
	moved := append([]float64(nil), t.before.Values...)
	for image := moved; len(image) > 0; image = image[tokens*dim:] {
		for c := range dim {
			sum := 0.0
			for p := 1; p < tokens; p++ {
				sum += image[p*dim+c]
			}
			patches := float64(tokens - 1)
			shift := (image[c] - sum/patches) / (patches + 1)
			for p := 1; p < tokens; p++ {
				image[p*dim+c] += shift
			}
		}
	}
	t.before.Values = moved
	return true
}
