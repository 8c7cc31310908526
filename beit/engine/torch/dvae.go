//go:build libtorch

package torch

import (
	"context"
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// dvae is the encoder or the decoder of a dVAE. Source: openai/DALL-E dall_e/encoder.py and dall_e/decoder.py.
type dvae struct {
	*machine
	config arch.Config
	// input is the first convolution. That of the decoder is one of pixels and takes one-hot tokens, so it looks up a row of table, [V, InitDim], and adds bias.
	input       convolution
	table, bias value
	blocks      []convolutionBlock
	output      convolution
}

// convolutionBlock adds a path of four convolutions to its input, through a convolution if the widths differ.
type convolutionBlock struct {
	arch.ConvolutionBlock
	identity *convolution
	path     [4]convolution
	// gain is the factor of the path, or 1 if the weights of its last convolution have it already.
	gain float64
}

func (l *loader) dvae(m *machine) *dvae {
	d := &dvae{machine: m, config: l.config}
	if l.config.Kind == arch.DVAEDecoder {
		d.table, d.bias = l.table("blocks.input.w"), l.parameter("blocks.input.b")
	} else {
		d.input = l.convolution("blocks.input", 1)
	}
	for _, b := range l.config.ConvolutionBlocks() {
		d.blocks = append(d.blocks, l.convolutionBlock(b))
	}
	d.output = l.convolution("blocks.output.conv", 1)
	return d
}

func (l *loader) convolutionBlock(b arch.ConvolutionBlock) convolutionBlock {
	loaded := convolutionBlock{ConvolutionBlock: b, gain: l.config.PostGain()}
	if b.In != b.Out {
		identity := l.convolution(b.Prefix+"id_path", 1)
		loaded.identity = &identity
	}
	for i := range loaded.path {
		factor := 1.0
		if mantissa, _ := math.Frexp(loaded.gain); i == len(loaded.path)-1 && l.packsConvolutions && mantissa == 0.5 {
			factor, loaded.gain = loaded.gain, 1 // a power of two: nothing is rounded
		}
		loaded.path[i] = l.convolution(fmt.Sprintf("%sres_path.conv_%d", b.Prefix, i+1), factor)
	}
	return loaded
}

// table reads a convolution of pixels, [InitDim, V, 1, 1], and returns [V, InitDim].
func (l *loader) table(name string) value {
	return l.scope.keep(func(s *scope) value {
		shape := l.at(name).Shape
		return s.copyTo(s.transpose(s.reshape(l.view(s, name), int64(shape[0]), int64(shape[1])), 0, 1), l.device, l.dtype)
	})
}

func (b convolutionBlock) apply(s *scope, x value) value {
	return s.keep(func(s *scope) value {
		branch := s.rectified(x)
		last := len(b.path) - 1
		for _, c := range b.path[:last] {
			branch = s.replace(branch, c.apply(s, branch))
			s.rectify(branch)
		}
		if b.identity != nil {
			x = b.identity.apply(s, x)
		}
		if b.path[last].packed && b.gain == 1 {
			return b.path[last].addTo(s, x, branch)
		}
		branch = b.path[last].apply(s, branch)
		s.scale(branch, b.gain)
		s.add(branch, x)
		return branch
	})
}

func (d *dvae) forward(ctx context.Context, s *scope, input engine.Input, images int, tap engine.Tap) engine.Activation {
	x := d.embed(s, input, images)
	height, width := d.config.ImageHeight, d.config.ImageWidth
	if d.config.Kind == arch.DVAEDecoder {
		height, width = d.config.Window()
	}
	s.emit(tap, engine.Stage{Kind: engine.Embed}, x, tensor.Shape{images, d.inputWidth(), height, width})
	for i, b := range d.blocks {
		s.fail(ctx.Err())
		x = s.replace(x, b.apply(s, x))
		s.emit(tap, engine.Stage{Kind: engine.Block, Block: i}, x, tensor.Shape{images, b.Out, height, width})
		switch {
		case !b.Last:
		case d.config.Kind == arch.DVAEDecoder:
			height, width = 2*height, 2*width
			x = s.replace(x, s.double(x, int64(height), int64(width)))
		default:
			height, width = height/2, width/2
			x = s.replace(x, s.halve(x))
		}
	}
	s.rectify(x)
	y := d.output.apply(s, x)
	if d.config.Kind == arch.DVAEDecoder {
		return d.picture(s, y, images, tap)
	}
	s.emit(tap, engine.Stage{Kind: engine.Logits}, y, tensor.Shape{images, d.config.Classes, height, width})
	tokens := engine.Stage{Kind: engine.Tokens}
	best := s.choose(y, 1, d.device)
	s.emit(tap, tokens, best, tensor.Shape{images, height * width})
	return s.activation(tokens, best, tensor.Shape{images, height * width})
}

// embed returns the result of the first convolution, [N, C, H, W].
func (d *dvae) embed(s *scope, input engine.Input, images int) value {
	return s.keep(func(s *scope) value {
		n := int64(images)
		if d.config.Kind == arch.DVAEEncoder {
			pixels := s.floats(input.Pixels, n, int64(d.config.Channels), int64(d.config.ImageHeight), int64(d.config.ImageWidth))
			return d.input.apply(s, s.copyTo(pixels, d.device, d.dtype))
		}
		height, width := d.config.Window()
		rows := s.rows(d.table, s.copyTo(s.integers(input.Tokens), d.device, int64s))
		s.add(rows, d.bias)
		return s.permute(s.reshape(rows, n, int64(height), int64(width), int64(d.config.InitDim)), 0, 3, 1, 2)
	})
}

// inputWidth returns the number of channels behind the first convolution.
func (d *dvae) inputWidth() int {
	if d.config.Kind == arch.DVAEDecoder {
		return d.config.InitDim
	}
	return d.config.EmbedDim
}

// border is what openai/DALL-E dall_e/utils.py keeps free at both ends of the range of samples.
const border = 0.1

// picture returns the samples that a person sees of a decoder's output, [N, 2 Channels, H, W].
func (d *dvae) picture(s *scope, decoded value, images int, tap engine.Tap) engine.Activation {
	shape := tensor.Shape{images, 2 * d.config.Channels, d.config.ImageHeight, d.config.ImageWidth}
	s.emit(tap, engine.Stage{Kind: engine.Decoded}, decoded, shape)
	shape[1] = d.config.Channels
	stage := engine.Stage{Kind: engine.Picture}
	samples := s.sigmoid(s.narrow(decoded, 1, 0, int64(d.config.Channels)))
	s.plus(samples, -border)
	s.divideBy(samples, 1-2*border)
	s.atLeast(samples, 0)
	s.atMost(samples, 1)
	s.emit(tap, stage, samples, shape)
	return s.activation(stage, samples, shape)
}
