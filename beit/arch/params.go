package arch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/tensor"
)

// Param is one parameter of a model.
type Param struct {
	// Name is canonical, such as "blocks.0.attn.qkv.weight".
	Name string
	// Shape is in torch layout: a linear layer's weight is [out, in].
	Shape tensor.Shape
	// Linear marks the weights of linear layers, which PaddlePaddle stores as [in, out]. It does not follow from the shape: attn.proj.weight is square.
	Linear bool
	// Buffer marks what a batch norm has seen in training, which is not learnt. Counter marks such a one that is a whole number, which the forward pass does not use.
	Buffer, Counter bool
}

// Params returns all parameters in the order of the forward pass. The slice belongs to the caller. c must be valid.
func (c Config) Params() []Param {
	switch {
	case c.Kind == VQKD:
		return c.vqkd()
	case c.Convolutional():
		return c.dvae()
	}
	params := c.stem()
	for i := range c.Depth {
		params = append(params, c.block(fmt.Sprintf("blocks.%d.", i))...)
	}
	if c.Kind == UPerNet {
		return append(params, c.upernet()...)
	}
	return append(params, c.tail()...)
}

// Parameters returns the number of elements of all parameters together, without the buffers of batch norms.
func (c Config) Parameters() int64 {
	var total int64
	for _, p := range c.Params() {
		if elements, _ := p.Shape.Elements(); !p.Buffer {
			total += elements
		}
	}
	return total
}

// stem returns the parameters before the first block.
func (c Config) stem() []Param {
	dim := c.EmbedDim
	params := []Param{{Name: "cls_token", Shape: tensor.Shape{1, 1, dim}}}
	if c.MaskToken {
		params = append(params, Param{Name: "mask_token", Shape: tensor.Shape{1, 1, dim}})
	}
	if c.AbsolutePosition {
		params = append(params, Param{Name: "pos_embed", Shape: tensor.Shape{1, c.Tokens(), dim}})
	}
	params = append(params,
		Param{Name: "patch_embed.proj.weight", Shape: tensor.Shape{dim, c.Channels, c.PatchSize, c.PatchSize}},
		Param{Name: "patch_embed.proj.bias", Shape: tensor.Shape{dim}})
	if c.Bias == SharedBias {
		params = append(params, c.table("rel_pos_bias."))
	}
	return params
}

func (c Config) block(prefix string) []Param {
	dim, hidden := c.EmbedDim, c.HiddenDim
	params := append(norm(prefix+"norm1", dim),
		Param{Name: prefix + "attn.qkv.weight", Shape: tensor.Shape{3 * dim, dim}, Linear: true},
		Param{Name: prefix + "attn.q_bias", Shape: tensor.Shape{dim}},
		Param{Name: prefix + "attn.v_bias", Shape: tensor.Shape{dim}})
	if c.Bias == BlockBias {
		params = append(params, c.table(prefix+"attn."))
	}
	params = append(params, linear(prefix+"attn.proj", dim, dim)...)
	if c.LayerScale {
		params = append(params,
			Param{Name: prefix + "gamma_1", Shape: tensor.Shape{dim}},
			Param{Name: prefix + "gamma_2", Shape: tensor.Shape{dim}})
	}
	params = append(params, norm(prefix+"norm2", dim)...)
	params = append(params, linear(prefix+"mlp.fc1", hidden, dim)...)
	return append(params, linear(prefix+"mlp.fc2", dim, hidden)...)
}

// NormName returns the name of the LayerNorm after the last block, "fc_norm" or "norm", or an empty one if there is none.
func (c Config) NormName() string {
	switch c.Pooling {
	case MeanPooling, PatchTokens:
		return "fc_norm"
	case NoPooling:
		return ""
	}
	return "norm"
}

// HeadName returns the name of the layer that computes the logits: "head", "lm_head", or "decode_head.conv_seg".
func (c Config) HeadName() string {
	switch {
	case c.Masked():
		return "lm_head"
	case c.Segments():
		return "decode_head.conv_seg"
	}
	return "head"
}

// tail returns the parameters after the last block, and those of the class token's branch in pre-training.
func (c Config) tail() []Param {
	var params []Param
	if name := c.NormName(); name != "" {
		params = norm(name, c.EmbedDim)
	}
	if c.Classes > 0 {
		params = append(params, linear(c.HeadName(), c.Classes, c.EmbedDim)...)
	}
	for i := range c.ClassBlocks {
		params = append(params, c.block(fmt.Sprintf("cls_pt_layers.%d.", i))...)
	}
	if c.ClassHead {
		params = append(params, norm("cls_pt_norm", c.EmbedDim)...)
		params = append(params, linear("cls_pt_lm_head", c.Classes, c.EmbedDim)...)
	}
	return params
}

func (c Config) table(prefix string) Param {
	return Param{Name: prefix + "relative_position_bias_table", Shape: tensor.Shape{c.BiasRows(), c.Heads}}
}

func norm(name string, dim int) []Param {
	return []Param{{Name: name + ".weight", Shape: tensor.Shape{dim}}, {Name: name + ".bias", Shape: tensor.Shape{dim}}}
}

func linear(name string, out, in int) []Param {
	return []Param{{Name: name + ".weight", Shape: tensor.Shape{out, in}, Linear: true}, {Name: name + ".bias", Shape: tensor.Shape{out}}}
}

// Layer returns the number of the layer that a parameter belongs to, as microsoft/unilm counts for its decay of learning rates by layer (beit/optim_factory.py,
// get_num_layer_for_vit): 0 before the first block, i + 1 in block i, and Depth + 1 behind the last, where the table that all blocks share is counted too.
func (c Config) Layer(name string) int {
	switch {
	case name == "cls_token", name == "mask_token", name == "pos_embed", strings.HasPrefix(name, "patch_embed."):
		return 0
	case strings.HasPrefix(name, "blocks."):
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "blocks."), ".")
		if block, err := strconv.Atoi(number); err == nil && block >= 0 && block < c.Depth {
			return block + 1
		}
	}
	return c.Depth + 1
}
