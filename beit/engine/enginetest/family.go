package enginetest

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// member is a small architecture.
type member struct {
	name   string
	config arch.Config
}

// base is a classifier with deliberately unusual sizes: a window that is not square, patches of 4 pixels, heads 10 wide.
var base = arch.Config{
	Name: "enginetest", ImageHeight: 12, ImageWidth: 20, PatchSize: 4, Channels: 3, EmbedDim: 30, HiddenDim: 50, Depth: 2, Heads: 3, Classes: 7,
	Pooling: arch.MeanPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: 1e-6,
}

func with(change func(*arch.Config)) arch.Config {
	config := base
	change(&config)
	return config
}

// family has a member for each choice that a Config allows.
var family = []member{
	{"classifier", base},
	{"class token", with(func(c *arch.Config) { c.Pooling = arch.ClassToken })},
	{"no head", with(func(c *arch.Config) { c.Classes = 0 })},
	{"no head, class token", with(func(c *arch.Config) { c.Classes, c.Pooling = 0, arch.ClassToken })},
	{"no layer scale", with(func(c *arch.Config) { c.LayerScale = false })},
	{"no bias", with(func(c *arch.Config) { c.Bias = arch.NoBias })},
	{"shared bias", with(func(c *arch.Config) { c.Bias = arch.SharedBias })},
	{"absolute position", with(func(c *arch.Config) { c.Bias, c.AbsolutePosition = arch.NoBias, true })},
	{"masked", with(func(c *arch.Config) { c.Bias, c.Pooling, c.MaskToken = arch.SharedBias, arch.AllTokens, true })},
	{"masked, absolute position", with(func(c *arch.Config) {
		c.Bias, c.Pooling, c.MaskToken, c.AbsolutePosition, c.LayerScale = arch.NoBias, arch.AllTokens, true, true, false
	})},
	{"masked, no head", with(func(c *arch.Config) { c.Classes, c.Pooling, c.MaskToken = 0, arch.AllTokens, true })},
	{"masked, no mask token", with(func(c *arch.Config) { c.Pooling = arch.AllTokens })},
	{"regression", with(func(c *arch.Config) {
		c.Bias, c.Pooling, c.MaskToken, c.Regression, c.Classes = arch.SharedBias, arch.AllTokens, true, true, c.EmbedDim
	})},
	{"branch of the class token", with(func(c *arch.Config) {
		c.Bias, c.Pooling, c.MaskToken, c.ClassBlocks, c.ClassHead = arch.SharedBias, arch.AllTokens, true, 2, true
	})},
	{"features", with(func(c *arch.Config) { c.Classes, c.Pooling = 0, arch.NoPooling })},
	{"patch tokens", with(func(c *arch.Config) { c.Classes, c.Pooling = 0, arch.PatchTokens })},
	{"one channel", with(func(c *arch.Config) { c.Channels = 1 })},
	{"five channels", with(func(c *arch.Config) { c.Channels = 5 })},
	{"one patch", with(func(c *arch.Config) { c.ImageHeight, c.ImageWidth = 4, 4 })},
	{"one class", with(func(c *arch.Config) { c.Classes = 1 })},
	{"large epsilon", with(func(c *arch.Config) { c.Epsilon = 0.5 })},
	{"wide", with(func(c *arch.Config) { c.EmbedDim, c.Heads, c.HiddenDim = 128, 2, 512 })},
	{"many tokens", with(func(c *arch.Config) { c.ImageHeight, c.ImageWidth, c.PatchSize = 24, 20, 2 })},
}

// images is the number of images in a batch of the suite.
const images = 3

// inputs returns a batch of probe images, with a mask if the model takes one, or of tokens.
func inputs(config arch.Config) engine.Input {
	var input engine.Input
	if config.Kind == arch.DVAEDecoder {
		for i := range images * config.Patches() {
			input.Tokens = append(input.Tokens, int32((i*i+3)%config.Classes))
		}
		return input
	}
	for n := range images {
		input.Pixels = append(input.Pixels, synth.Image(n, config, 1)...)
	}
	if config.MaskToken {
		input.Mask = make([]bool, images*config.Patches())
		for i := range input.Mask {
			input.Mask[i] = i%4 == 1 || i%7 == 2
		}
	}
	return input
}

// part returns image n of a batch.
func part(config arch.Config, input engine.Input, n int) engine.Input {
	if config.Kind == arch.DVAEDecoder {
		return engine.Input{Tokens: input.Tokens[n*config.Patches() : (n+1)*config.Patches()]}
	}
	one := len(input.Pixels) / images
	cut := engine.Input{Pixels: input.Pixels[n*one : (n+1)*one]}
	if input.Mask != nil {
		cut.Mask = input.Mask[n*config.Patches() : (n+1)*config.Patches()]
	}
	return cut
}

// taps returns the names and shapes with which Forward must call a tap, in order. The names are written out, so engine.Stage is tested too.
func taps(config arch.Config, n int) []engine.Activation {
	switch config.Kind {
	case arch.DVAEEncoder, arch.DVAEDecoder:
		return convolutionTaps(config, n)
	case arch.VQKD:
		book := config.Codebook
		expected := append(transformerTaps("", config.Encoder(), n),
			engine.Activation{Name: "codes", Shape: tensor.Shape{n, config.Patches(), book.Dim}}, engine.Activation{Name: "tokens", Shape: tensor.Shape{n, config.Patches()}})
		if book.Decoder.Depth == 0 {
			return expected
		}
		expected = append(expected, transformerTaps("decoder.", config.Decoder(), n)...)
		return append(expected, engine.Activation{Name: "target", Shape: tensor.Shape{n, config.Patches(), book.Decoder.Features}})
	case arch.UPerNet:
		return segmentationTaps(config, n)
	}
	return transformerTaps("", config, n)
}

// convolutionTaps is taps for a part of a dVAE.
func convolutionTaps(config arch.Config, n int) []engine.Activation {
	height, width, groups := config.ImageHeight, config.ImageWidth, 1
	for side := config.PatchSize; side > 1; side /= 2 {
		groups++
	}
	in := config.EmbedDim
	if config.Kind == arch.DVAEDecoder {
		height, width, in = height/config.PatchSize, width/config.PatchSize, config.InitDim
	}
	expected := []engine.Activation{{Name: "embed", Shape: tensor.Shape{n, in, height, width}}}
	each := config.Depth / groups
	for i := range config.Depth {
		group := i / each
		h, w, wide := height>>group, width>>group, config.EmbedDim<<group
		if config.Kind == arch.DVAEDecoder {
			h, w, wide = height<<group, width<<group, config.EmbedDim<<(groups-1-group)
		}
		expected = append(expected, engine.Activation{Name: fmt.Sprintf("blocks.%d", i), Shape: tensor.Shape{n, wide, h, w}})
	}
	if config.Kind == arch.DVAEDecoder {
		return append(expected, engine.Activation{Name: "decoded", Shape: tensor.Shape{n, 2 * config.Channels, config.ImageHeight, config.ImageWidth}},
			engine.Activation{Name: "picture", Shape: tensor.Shape{n, config.Channels, config.ImageHeight, config.ImageWidth}})
	}
	return append(expected, engine.Activation{Name: "logits", Shape: tensor.Shape{n, config.Classes, height / config.PatchSize, width / config.PatchSize}},
		engine.Activation{Name: "tokens", Shape: tensor.Shape{n, height / config.PatchSize * (width / config.PatchSize)}})
}

// transformerTaps is taps for a transformer, whose stages have names with that prefix.
func transformerTaps(prefix string, config arch.Config, n int) []engine.Activation {
	tokens := tensor.Shape{n, config.Tokens(), config.EmbedDim}
	expected := []engine.Activation{{Name: prefix + "embed", Shape: tokens}}
	for i := range config.Depth {
		block := fmt.Sprintf("%sblocks.%d", prefix, i)
		expected = append(expected, engine.Activation{Name: block + ".attn", Shape: tokens}, engine.Activation{Name: block, Shape: tokens})
	}
	pool := tensor.Shape{n, config.EmbedDim}
	if config.Pooling == arch.AllTokens || config.Pooling == arch.PatchTokens {
		pool = tensor.Shape{n, config.Patches(), config.EmbedDim}
	}
	if config.Pooling == arch.NoPooling {
		return expected
	}
	expected = append(expected, engine.Activation{Name: prefix + "pool", Shape: pool})
	if config.Classes == 0 {
		return expected
	}
	logits := append(tensor.Shape(nil), pool...)
	logits[len(logits)-1] = config.Classes
	return append(expected, engine.Activation{Name: "logits", Shape: logits})
}
