package arch

import (
	"cmp"
	"fmt"
	"math/bits"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// Codebook describes what VQ-KD has beside its encoder. Source: microsoft/unilm beit2/modeling_vqkd.py and norm_ema_quantizer.py.
type Codebook struct {
	// Codes is the number of codes, of which each is a visual token, and Dim the width of one.
	Codes int `json:"codes" yaml:"codes"`
	Dim   int `json:"dim" yaml:"dim"`
	// Usage says that it is there how often training used each code, quantize.cluster_size, and that the codes are set, quantize.embedding.initted. Without the
	// second one, programs that train set the codes anew. The forward pass uses neither.
	Usage bool `json:"usage,omitempty" yaml:"usage,omitempty"`
	// Statistics says that the averages are there with which training moves the codes: cluster_size and embed_avg of the embedding. The forward pass does not use
	// them.
	Statistics bool `json:"statistics,omitempty" yaml:"statistics,omitempty"`
	// Decoder predicts features of the teacher from the codes. Its zero value means that there is none.
	Decoder CodeDecoder `json:"decoder,omitzero" yaml:"decoder,omitempty"`
}

// CodeDecoder is the transformer behind a codebook: position embeddings, no relative bias, no layer scale, as many tokens as the encoder.
type CodeDecoder struct {
	EmbedDim  int `json:"embed_dim" yaml:"embed_dim"`
	HiddenDim int `json:"hidden_dim" yaml:"hidden_dim"`
	Depth     int `json:"depth" yaml:"depth"`
	Heads     int `json:"heads" yaml:"heads"`
	// Features is the width of the teacher's features.
	Features int `json:"features" yaml:"features"`
}

// KindError says that a model is a tokenizer, a part of one, or a segmentation model, where another BEiT is wanted.
type KindError struct{ Kind Kind }

func (e *KindError) Error() string {
	if e.Kind == UPerNet {
		return "the model is " + e.Kind.What()
	}
	return "the model is no BEiT, but " + e.Kind.What()
}

// Is reports that the call does not fit the model.
func (e *KindError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what can be done with it.
func (e *KindError) Hint() string {
	if e.Kind == UPerNet {
		return "it names the class of each pixel, not of the image: segment images with it"
	}
	if e.Kind == DVAEDecoder {
		return "it makes pictures of visual tokens: give it to what reconstructs pictures"
	}
	return "it turns images into visual tokens: make tokens with it, or give it with the model that was trained to predict them"
}

// What returns what models of the kind are, with an article.
func (k Kind) What() string {
	switch k {
	case VQKD:
		return "VQ-KD, the tokenizer that turns images into the visual tokens that BEiT v2 was pre-trained to predict"
	case DVAEEncoder:
		return "the encoder of OpenAI's dVAE, which turns images into the visual tokens that BEiT was pre-trained to predict"
	case DVAEDecoder:
		return "the decoder of OpenAI's dVAE, which turns visual tokens of BEiT into images"
	case UPerNet:
		return "a segmentation model, a BEiT with UPerNet, which says of each pixel what it shows"
	}
	return "a BEiT"
}

// CheckBEiT returns a *[KindError] unless the model is a BEiT, else nil.
func (c Config) CheckBEiT() error {
	if c.Kind != Transformer {
		return &KindError{Kind: c.Kind}
	}
	return nil
}

// Tokenizes reports whether the model turns images into visual tokens.
func (c Config) Tokenizes() bool { return c.Kind == DVAEEncoder || c.Kind == VQKD }

// Convolutional reports whether the model is a part of a dVAE, which has no transformer blocks, and takes images of any size.
func (c Config) Convolutional() bool { return c.Kind == DVAEEncoder || c.Kind == DVAEDecoder }

// Vocabulary returns the number of visual tokens that the model makes, decodes or predicts, or 0 if it has nothing to do with any.
func (c Config) Vocabulary() int {
	switch {
	case c.Kind == VQKD:
		return c.Codebook.Codes
	case c.Convolutional(), c.Masked() && !c.Regression:
		return c.Classes
	}
	return 0
}

// Encoder returns the transformer in front of the codebook of VQ-KD. Its parameters have the prefix "encoder." there.
func (c Config) Encoder() Config {
	c.Name, c.Kind, c.Codebook = "", Transformer, Codebook{}
	return c
}

// Decoder returns the transformer behind the codebook of VQ-KD, whose image is the grid of codes. Its parameters have the prefix "decoder." there.
func (c Config) Decoder() Config {
	height, width := c.Window()
	d := c.Codebook.Decoder
	return Config{
		ImageHeight: height, ImageWidth: width, PatchSize: 1, Channels: c.Codebook.Dim, EmbedDim: d.EmbedDim, HiddenDim: d.HiddenDim, Depth: d.Depth, Heads: d.Heads,
		Pooling: PatchTokens, Bias: NoBias, AbsolutePosition: true, Epsilon: c.Epsilon,
	}
}

// Groups returns the number of groups of a dVAE; between two of them the sides of the picture are halved or doubled.
func (c Config) Groups() int { return bits.Len(uint(c.PatchSize)) }

// ConvolutionBlock is one block of a dVAE, as it is computed: in + gain * path, where the path is four times ReLU and a convolution, and in passes through a
// convolution of 1 x 1 if the widths differ.
type ConvolutionBlock struct {
	// Prefix is that of its parameters, such as "blocks.group_1.block_2.".
	Prefix string
	// In and Out are its widths, Hidden is that inside the path.
	In, Out, Hidden int
	// Kernels are the sides of the convolutions of the path.
	Kernels [4]int
	// Last says that it is the last one of a group behind which the size of the picture changes.
	Last bool
}

// PostGain is the factor of the paths of a dVAE's blocks (openai/DALL-E dall_e/encoder.py): one over the square of the number of blocks.
func (c Config) PostGain() float64 { return 1 / float64(c.Depth*c.Depth) }

// ConvolutionBlocks returns the Depth blocks of a dVAE.
func (c Config) ConvolutionBlocks() []ConvolutionBlock {
	groups := c.Groups()
	var blocks []ConvolutionBlock
	in, kernels := c.EmbedDim, [4]int{3, 3, 3, 1}
	if c.Kind == DVAEDecoder {
		in, kernels = c.InitDim, [4]int{1, 3, 3, 3}
	}
	for g := range groups {
		out := c.EmbedDim << g
		if c.Kind == DVAEDecoder {
			out = c.EmbedDim << (groups - 1 - g)
		}
		for b := range c.Depth / groups {
			blocks = append(blocks, ConvolutionBlock{
				Prefix: fmt.Sprintf("blocks.group_%d.block_%d.", g+1, b+1), In: in, Out: out, Hidden: out / 4, Kernels: kernels,
				Last: b == c.Depth/groups-1 && g < groups-1,
			})
			in = out
		}
	}
	return blocks
}

// kindOf tells tokenizers and UPerNet by the names of their parameters; anything else is a transformer.
func kindOf(shapes map[string]tensor.Shape) Kind {
	conv1 := map[bool]int{} // whether the first convolution of a path is one of pixels
	for name, shape := range shapes {
		switch {
		case strings.HasPrefix(name, "quantize.embedding."), strings.HasPrefix(name, "encode_task_layer."):
			return VQKD
		case strings.HasPrefix(name, "decode_head."), strings.HasPrefix(name, "auxiliary_head."), strings.HasPrefix(name, "fpn1."):
			return UPerNet
		case strings.HasPrefix(name, "blocks.group_") && strings.HasSuffix(name, ".res_path.conv_1.w") && len(shape) == 4:
			conv1[shape[2] == 1]++
		}
	}
	switch {
	case conv1[true] > conv1[false]:
		return DVAEDecoder
	case conv1[false] > 0:
		return DVAEEncoder
	}
	return Transformer
}

// codebookOf returns the parameters of the encoder of VQ-KD, and what completes its architecture.
func codebookOf(shapes map[string]tensor.Shape) (encoder map[string]tensor.Shape, complete func(*Config)) {
	encoder, decoder := map[string]tensor.Shape{}, map[string]tensor.Shape{}
	var book Codebook
	v := votes{}
	for name, shape := range shapes {
		if rest, found := strings.CutPrefix(name, "encoder."); found {
			encoder[rest] = shape
		}
		if rest, found := strings.CutPrefix(name, "decoder."); found {
			decoder[rest] = shape
		}
		switch {
		case name == "quantize.embedding.weight" && len(shape) == 2, name == "quantize.embedding.embed_avg" && len(shape) == 2:
			v.add("codes", shape[0], 3)
			v.add("dim", shape[1], 3)
		case strings.HasSuffix(name, "cluster_size") && len(shape) == 1:
			v.add("codes", shape[0], 1)
		case name == "encode_task_layer.2.bias" && len(shape) == 1:
			v.add("dim", shape[0], 1)
		case name == "decode_task_layer.2.weight" && len(shape) == 2, name == "decode_task_layer.2.bias" && len(shape) == 1:
			v.add("features", shape[0], 2*len(shape)-1)
		}
		book.Usage = book.Usage || name == "quantize.cluster_size" || name == "quantize.embedding.initted"
		book.Statistics = book.Statistics || name == "quantize.embedding.cluster_size" || name == "quantize.embedding.embed_avg"
	}
	book.Codes, book.Dim = v.most("codes"), v.most("dim")
	if len(decoder) > 0 || v.most("features") > 0 {
		d := survey(decoder)
		book.Decoder = CodeDecoder{EmbedDim: d.most("embed"), HiddenDim: d.most("hidden"), Depth: d.depth(d.blocks), Features: v.most("features")}
	}
	return encoder, func(c *Config) { c.Kind, c.Pooling, c.Codebook = VQKD, PatchTokens, book }
}

// setDecoderHeads gives the decoder of VQ-KD heads of the encoder's width, which it has in unilm, unless the model is a known one.
func (i *Inference) setDecoderHeads() {
	d := &i.Codebook.Decoder
	if *d == (CodeDecoder{}) || i.Heads == 0 || i.EmbedDim < i.Heads {
		return
	}
	d.Heads = max(1, d.EmbedDim/i.HeadDim())
}

// usualPicture is the side in pixels of the pictures from which BEiT's visual tokens are made.
const usualPicture = 112

// inferDVAE infers a part of a dVAE.
func inferDVAE(shapes map[string]tensor.Shape, hints Hints) (Inference, error) {
	c := Config{Kind: kindOf(shapes)}
	groups, each := 0, 0
	for name := range shapes {
		var g, b int
		if n, _ := fmt.Sscanf(name, "blocks.group_%d.block_%d.", &g, &b); n == 2 && g <= maxGroups && b <= maxDepth {
			groups, each = max(groups, g), max(each, b)
		}
	}
	if groups == 0 || each == 0 {
		return Inference{}, &InferenceError{Property: "depth", Reason: "no parameter that depends on it was found"}
	}
	c.PatchSize, c.Depth = 1<<(groups-1), groups*each
	v := c.votes(shapes)
	c.EmbedDim, c.Channels, c.Classes, c.InitDim = v.most("embed"), cmp.Or(v.most("channels"), RGB), v.most("classes"), v.most("init")
	if c.Classes == 0 {
		return Inference{}, &InferenceError{Property: "number of visual tokens", Reason: "no parameter that depends on it was found"}
	}
	i := Inference{Config: c, WindowFrom: Assumed, PoolingFrom: FromNames}
	i.setPicture(hints)
	if err := i.Validate(); err != nil {
		return Inference{}, err
	}
	i.Config = i.Named()
	return i, nil
}

// votes collects what the parameters of a dVAE say of its widths.
func (c Config) votes(shapes map[string]tensor.Shape) votes {
	v, groups := votes{}, c.Groups()
	for name, shape := range shapes {
		weight := len(shape) == 4
		if !weight && len(shape) != 1 {
			continue
		}
		out, strength := shape[0], 2*len(shape)-1
		var g, b int
		_, _ = fmt.Sscanf(name, "blocks.group_%d.block_%d.", &g, &b)
		layer := name[strings.LastIndexByte(strings.TrimSuffix(strings.TrimSuffix(name, ".w"), ".b"), '.')+1:]
		layer = strings.TrimSuffix(strings.TrimSuffix(layer, ".w"), ".b")
		factor := 1
		if g >= 1 && g <= groups {
			factor = 1 << (g - 1)
			if c.Kind == DVAEDecoder {
				factor = 1 << (groups - g)
			}
		}
		switch {
		case g > 0 && (layer == "conv_4" || layer == "id_path"):
			v.add("embed", out/factor, strength)
		case g > 0 && strings.HasPrefix(layer, "conv_"):
			v.add("embed", 4*out/factor, strength)
		case layer == "input" && c.Kind == DVAEEncoder:
			v.add("embed", out, strength)
			if weight {
				v.add("channels", shape[1], strength)
			}
		case layer == "input":
			v.add("init", out, strength)
			if weight {
				v.add("classes", shape[1], strength)
			}
		case layer == "conv" && c.Kind == DVAEEncoder:
			v.add("classes", out, strength)
		case layer == "conv":
			v.add("channels", out/2, strength)
		}
		if c.Kind == DVAEDecoder && g == 1 && b == 1 && weight && (layer == "id_path" || layer == "conv_1") {
			v.add("init", shape[1], strength)
		}
	}
	return v
}

// setPicture sets the size of the picture: that of the hints, or of the known architecture that is the same but for it, or the usual one.
func (i *Inference) setPicture(hints Hints) {
	if hints.Window != (Window{}) {
		i.ImageHeight, i.ImageWidth = min(hints.Window.Height, maxPixels)*i.PatchSize, min(hints.Window.Width, maxPixels)*i.PatchSize
		i.WindowFrom = hints.WindowFrom
		return
	}
	if i.Config, i.WindowFrom = i.WithUsualPicture(); i.WindowFrom == Assumed {
		i.Assumptions = append(i.Assumptions, i.PictureAssumption())
	}
}

// WithUsualPicture returns the architecture of a dVAE with the size of its pictures, and where that is from: [FromKnown] if it is that of the known architecture
// that is the same but for it, else [Assumed].
func (c Config) WithUsualPicture() (Config, Source) {
	for _, known := range named {
		same := c
		same.Name, same.ImageHeight, same.ImageWidth, same.Epsilon = known.Name, known.ImageHeight, known.ImageWidth, known.Epsilon
		if same == known {
			c.Name, c.ImageHeight, c.ImageWidth = known.Name, known.ImageHeight, known.ImageWidth
			return c, FromKnown
		}
	}
	c.ImageHeight = (usualPicture + c.PatchSize - 1) / c.PatchSize * c.PatchSize
	c.ImageWidth = c.ImageHeight
	return c, Assumed
}

// PictureAssumption says that the size of the pictures of a dVAE was assumed.
func (c Config) PictureAssumption() Assumption {
	return Assumption{
		Property: PropertyWindow, Value: fmt.Sprintf("%d x %d pixels", c.ImageHeight, c.ImageWidth),
		Reason: "a dVAE takes pictures of any size, and those of BEiT's visual tokens have it",
	}
}

// vqkd returns the parameters of VQ-KD.
func (c Config) vqkd() []Param {
	params := prefixed("encoder.", c.Encoder().Params())
	params = append(params, taskLayer("encode_task_layer.", c.EmbedDim, c.Codebook.Dim)...)
	codes, dim := c.Codebook.Codes, c.Codebook.Dim
	if c.Codebook.Usage {
		params = append(params, Param{Name: "quantize.cluster_size", Shape: tensor.Shape{codes}})
	}
	params = append(params, Param{Name: "quantize.embedding.weight", Shape: tensor.Shape{codes, dim}})
	if c.Codebook.Statistics {
		params = append(params,
			Param{Name: "quantize.embedding.cluster_size", Shape: tensor.Shape{codes}},
			Param{Name: "quantize.embedding.embed_avg", Shape: tensor.Shape{codes, dim}})
	}
	if c.Codebook.Usage {
		params = append(params, Param{Name: "quantize.embedding.initted", Shape: tensor.Shape{1}})
	}
	d := c.Codebook.Decoder
	if d == (CodeDecoder{}) {
		return params
	}
	params = append(params, prefixed("decoder.", c.Decoder().Params())...)
	return append(params, taskLayer("decode_task_layer.", d.EmbedDim, d.Features)...)
}

// taskLayer is a linear layer, tanh, and a linear layer.
func taskLayer(prefix string, in, out int) []Param {
	return append(linear(prefix+"0", in, in), linear(prefix+"2", out, in)...)
}

func prefixed(prefix string, params []Param) []Param {
	for i := range params {
		params[i].Name = prefix + params[i].Name
	}
	return params
}

// dvae returns the parameters of a part of a dVAE.
func (c Config) dvae() []Param {
	first, last := convolution("blocks.input", c.EmbedDim, c.Channels, 7), convolution("blocks.output.conv", c.Classes, c.EmbedDim<<(c.Groups()-1), 1)
	if c.Kind == DVAEDecoder {
		first, last = convolution("blocks.input", c.InitDim, c.Classes, 1), convolution("blocks.output.conv", 2*c.Channels, c.EmbedDim, 1)
	}
	params := first
	for _, b := range c.ConvolutionBlocks() {
		if b.In != b.Out {
			params = append(params, convolution(b.Prefix+"id_path", b.Out, b.In, 1)...)
		}
		in := b.In
		for i, side := range b.Kernels {
			out := b.Hidden
			if i == len(b.Kernels)-1 {
				out = b.Out
			}
			params = append(params, convolution(fmt.Sprintf("%sres_path.conv_%d", b.Prefix, i+1), out, in, side)...)
			in = out
		}
	}
	return append(params, last...)
}

func convolution(name string, out, in, side int) []Param {
	return []Param{{Name: name + ".w", Shape: tensor.Shape{out, in, side, side}}, {Name: name + ".b", Shape: tensor.Shape{out}}}
}
