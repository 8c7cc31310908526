package blame

import (
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// hypothesis is a mistake that a program or a conversion may have made.
type hypothesis struct {
	name string
	// at are the kinds of stages that it can affect; engine.Block includes engine.Attention.
	at []engine.StageKind
	// says completes the sentence "STAGE agrees with the reference if ".
	says string
	// apply changes the trial. It returns false if the hypothesis does not apply to it.
	apply func(*trial) bool
}

// concerns reports whether the hypothesis can affect a stage.
func (h hypothesis) concerns(s engine.Stage) bool {
	kind := s.Kind
	if kind == engine.Attention {
		kind = engine.Block
	}
	return slices.Contains(h.at, kind)
}

var (
	blocks        = []engine.StageKind{engine.Block}
	blocksAndPool = []engine.StageKind{engine.Block, engine.Pool}
	atEmbed       = []engine.StageKind{engine.Embed}
	atPool        = []engine.StageKind{engine.Pool}
	atLogits      = []engine.StageKind{engine.Logits}
)

// likely are the most frequent mistakes. They are also tried on whole models, where the first that agrees is taken.
var likely = []hypothesis{
	{name: "epsilon", at: blocksAndPool, says: "the LayerNorm epsilon is ", apply: epsilon(arch.EpsilonHF)},
	{name: "epsilon", at: blocksAndPool, says: "the LayerNorm epsilon is ", apply: epsilon(arch.Epsilon)},
	{name: "epsilon", at: blocksAndPool, says: "the LayerNorm epsilon is ", apply: epsilon(1e-5)},
	{name: "transposed proj", at: blocks, says: "attn.proj.weight is transposed", apply: editing("attn.proj.weight", reread)},
	{name: "transposed index", at: blocks, says: "the relative position index is transposed (rows are queries)", apply: editing("relative_position_bias_table", turnIndex)},
	{name: "no relative position bias", at: blocks, says: "there is no relative position bias", apply: editing("relative_position_bias_table", zeros)},
	{name: "tanh GELU", at: blocks, says: "GELU is its tanh approximation", apply: func(t *trial) bool { t.engine.TanhGELU = true; return true }},
	{name: "class-token pooling", at: atPool, says: "the class token is pooled, not the mean of the patches", apply: pooling(arch.MeanPooling, arch.ClassToken, "fc_norm.", "norm.")},
	{name: "mean pooling", at: atPool, says: "the mean of the patches is pooled, not the class token", apply: pooling(arch.ClassToken, arch.MeanPooling, "norm.", "fc_norm.")},
	{name: "swapped gammas", at: blocks, says: "gamma_1 and gamma_2 are exchanged", apply: exchanging("gamma_1", "gamma_2")},
	{name: "BGR", at: atEmbed, says: "the colours come as blue, green, red", apply: editing("patch_embed.proj.weight", reverseChannels)},
}

// others are the rarer mistakes. They are tried after the likely ones, and only on single stages.
var others = []hypothesis{
	{name: "q and k swapped", at: blocks, says: "q and k are exchanged in attn.qkv.weight", apply: editing("attn.qkv.weight", thirds([3]int{1, 0, 2}))},
	{name: "q and v swapped", at: blocks, says: "q and v are exchanged in attn.qkv.weight", apply: editing("attn.qkv.weight", thirds([3]int{2, 1, 0}))},
	{name: "k and v swapped", at: blocks, says: "k and v are exchanged in attn.qkv.weight", apply: editing("attn.qkv.weight", thirds([3]int{0, 2, 1}))},
	{name: "k, v, q", at: blocks, says: "attn.qkv.weight is read as k, v, q", apply: editing("attn.qkv.weight", thirds([3]int{2, 0, 1}))},
	{name: "v, q, k", at: blocks, says: "attn.qkv.weight is read as v, q, k", apply: editing("attn.qkv.weight", thirds([3]int{1, 2, 0}))},
	{name: "q and v swapped with biases", at: blocks, says: "q and v are exchanged, in weight and biases", apply: func(t *trial) bool {
		return t.edit("attn.qkv.weight", thirds([3]int{2, 1, 0})) && t.exchange("attn.q_bias", "attn.v_bias")
	}},
	{name: "biases swapped", at: blocks, says: "attn.q_bias and attn.v_bias are exchanged", apply: exchanging("attn.q_bias", "attn.v_bias")},
	{name: "heads before q, k, v", at: blocks, says: "attn.qkv.weight is read as [heads, 3, width], not as [3, heads, width]", apply: func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{t.config.Heads, 3, t.config.HeadDim()}, [3]int{1, 0, 2}))
	}},
	{name: "q, k, v before heads", at: blocks, says: "attn.qkv.weight is rearranged from [3, heads, width] to [heads, 3, width]", apply: func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{3, t.config.Heads, t.config.HeadDim()}, [3]int{1, 0, 2}))
	}},
	{name: "channels before heads", at: blocks, says: "attn.qkv.weight is read as [3, width, heads], not as [3, heads, width]", apply: func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{3, t.config.HeadDim(), t.config.Heads}, [3]int{0, 2, 1}))
	}},
	{name: "heads before channels", at: blocks, says: "attn.qkv.weight is rearranged from [3, heads, width] to [3, width, heads]", apply: func(t *trial) bool {
		return t.edit("attn.qkv.weight", axes([3]int{3, t.config.Heads, t.config.HeadDim()}, [3]int{0, 2, 1}))
	}},
	{name: "reshaped qkv", at: blocks, says: "attn.qkv.weight was reshaped where it should have been transposed", apply: editing("attn.qkv.weight", reread)},
	{name: "reshaped fc1", at: blocks, says: "mlp.fc1.weight was reshaped where it should have been transposed", apply: editing("mlp.fc1.weight", reread)},
	{name: "reshaped fc2", at: blocks, says: "mlp.fc2.weight was reshaped where it should have been transposed", apply: editing("mlp.fc2.weight", reread)},
	{name: "all linears reshaped", at: blocks, says: "no linear weight was transposed, only reshaped", apply: func(t *trial) bool {
		return t.edit("attn.qkv.weight", reread) && t.edit("attn.proj.weight", reread) && t.edit("mlp.fc1.weight", reread) && t.edit("mlp.fc2.weight", reread)
	}},
	{name: "window turned", at: blocks, says: "across and down are exchanged in the relative position index", apply: func(t *trial) bool {
		height, width := t.config.Window()
		return height == width && t.edit("relative_position_bias_table", exchangeAxes)
	}},
	{name: "no q and v bias", at: blocks, says: "q_bias and v_bias are left out", apply: func(t *trial) bool {
		return t.edit("attn.q_bias", zeros) && t.edit("attn.v_bias", zeros)
	}},
	{name: "no q bias", at: blocks, says: "attn.q_bias is left out", apply: editing("attn.q_bias", zeros)},
	{name: "no v bias", at: blocks, says: "attn.v_bias is left out", apply: editing("attn.v_bias", zeros)},
	{name: "no proj bias", at: blocks, says: "attn.proj.bias is left out", apply: editing("attn.proj.bias", zeros)},
	{name: "no fc1 bias", at: blocks, says: "mlp.fc1.bias is left out", apply: editing("mlp.fc1.bias", zeros)},
	{name: "no fc2 bias", at: blocks, says: "mlp.fc2.bias is left out", apply: editing("mlp.fc2.bias", zeros)},
	{name: "no layer scale", at: blocks, says: "gamma_1 and gamma_2 are left out", apply: func(t *trial) bool {
		return t.edit("gamma_1", ones) && t.edit("gamma_2", ones)
	}},
	{name: "swapped norms", at: blocks, says: "norm1 and norm2 are exchanged", apply: func(t *trial) bool {
		return t.exchange("norm1.weight", "norm2.weight") && t.exchange("norm1.bias", "norm2.bias")
	}},
	{name: "unscaled q", at: blocks, says: "the queries are not multiplied by 1/√d", apply: func(t *trial) bool {
		root := math.Sqrt(float64(t.config.HeadDim()))
		return t.edit("attn.qkv.weight", scaleQueries(root)) && t.edit("attn.q_bias", scale(root))
	}},
	{name: "next block", at: blocks, says: "it has the weights of ", apply: neighbour(1)},
	{name: "previous block", at: blocks, says: "it has the weights of ", apply: neighbour(-1)},

	{name: "turned kernel", at: atEmbed, says: "across and down are exchanged in patch_embed.proj.weight", apply: editing("patch_embed.proj.weight", turnKernels)},
	{name: "no patch bias", at: atEmbed, says: "patch_embed.proj.bias is left out", apply: editing("patch_embed.proj.bias", zeros)},
	{name: "no position embedding", at: atEmbed, says: "pos_embed is left out", apply: editing("pos_embed", zeros)},
	{name: "no class token", at: atEmbed, says: "cls_token is left out", apply: editing("cls_token", zeros)},
	{name: "no mask", at: atEmbed, says: "the mask is left out", apply: func(t *trial) bool {
		masked := t.input.Mask != nil
		t.input.Mask = nil
		return masked
	}},
	{name: "inverted mask", at: atEmbed, says: "the mask marks the patches that are seen", apply: invertMask},
	{
		name: "ImageNet mean and std", at: atEmbed, says: "the images are normalised with ImageNet's mean and std",
		apply: normalise([3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}, false),
	},
	{
		name: "mean and std 0.5", at: atEmbed, says: "the images are normalised with mean and std 0.5",
		apply: normalise([3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}, true),
	},

	{name: "mean with class token", at: atPool, says: "the class token is part of the mean", apply: meanOfAll},
	{name: "reshaped head", at: atLogits, says: "the head's weight was reshaped where it should have been transposed", apply: func(t *trial) bool {
		return t.edit("head.weight", reread) || t.edit("lm_head.weight", reread)
	}},
	{name: "no head bias", at: atLogits, says: "the head's bias is left out", apply: func(t *trial) bool {
		return t.edit("head.bias", zeros) || t.edit("lm_head.bias", zeros)
	}},
}

// epsilon returns the hypothesis that value is the epsilon of all LayerNorms.
func epsilon(value float64) func(*trial) bool {
	return func(t *trial) bool {
		if t.config.Epsilon == value {
			return false
		}
		t.note = fmt.Sprintf("%g, not %g", value, t.config.Epsilon)
		t.config.Epsilon, t.epsilon = value, value
		return true
	}
}

func editing(ending string, change func([]float64, tensor.Shape) []float64) func(*trial) bool {
	return func(t *trial) bool { return t.edit(ending, change) }
}

func exchanging(a, b string) func(*trial) bool {
	return func(t *trial) bool { return t.exchange(a, b) }
}

// pooling returns the hypothesis that the pooling is to, not from. The last norm, whose name depends on the pooling, is renamed.
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

// neighbour returns the hypothesis that the block has the weights of another one, step blocks further.
func neighbour(step int) func(*trial) bool {
	return func(t *trial) bool {
		if t.whole {
			return false
		}
		own, other := engine.Stage{Kind: engine.Block, Block: t.stage.Block}, engine.Stage{Kind: engine.Block, Block: t.stage.Block + step}
		if other.Block < 0 || other.Block >= t.config.Depth {
			return false
		}
		t.note = other.String()
		t.exchangeBlocks(own.String()+".", other.String()+".")
		return true
	}
}

// exchangeBlocks exchanges the parameters with the prefix own and those with the prefix other.
func (t *trial) exchangeBlocks(own, other string) {
	t.rename(own, "\x00")
	t.rename(other, own)
	t.rename("\x00", other)
}

// invertMask masks the visible patches and shows the masked ones.
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

// normalise converts pixels that were normalised with mean and std 0.5 to the given mean and std, or, if back is true, in the other direction.
func normalise(mean, std [3]float64, back bool) func(*trial) bool {
	return func(t *trial) bool {
		if t.config.Channels != arch.RGB {
			return false
		}
		area := t.config.ImageHeight * t.config.ImageWidth
		changed := make([]float32, len(t.input.Pixels))
		for i, v := range t.input.Pixels {
			channel := i / area % arch.RGB
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

// meanOfAll shifts the patch tokens so that their mean becomes that of all tokens, the class token included.
func meanOfAll(t *trial) bool {
	tokens, dim := t.config.Tokens(), t.config.EmbedDim
	if t.config.Pooling != arch.MeanPooling || t.whole {
		return false
	}
	moved := slices.Clone(t.before.Values)
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
