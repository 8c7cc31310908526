//go:build libtorch

package torch

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// vqkd is the tokenizer of BEiT v2. Source: microsoft/unilm beit2/modeling_vqkd.py.
type vqkd struct {
	*machine
	encoder *transformer
	encode  taskLayer
	book    codebook
	// decoder is nil in a file without one.
	decoder *transformer
	decode  taskLayer
	target  int
}

// taskLayer is a linear layer, tanh, and a linear layer.
type taskLayer struct{ first, second linear }

// codebook finds the nearest code. Models in half precision do that in float32, as unilm does.
type codebook struct {
	// codes are those of the file, [codes, dim], in float32 or float64. penalty is minus half of the square of the length of each.
	codes, penalty value
	dim            int
}

func (l *loader) vqkd(m *machine) *vqkd {
	whole := l.config
	v := &vqkd{machine: m, encode: l.taskLayer("encode_task_layer."), book: l.codebook(), target: whole.Codebook.Decoder.Features}
	l.config, l.prefix = whole.Encoder(), "encoder."
	v.encoder = l.transformer(m)
	if whole.Codebook.Decoder != (arch.CodeDecoder{}) {
		l.config, l.prefix = whole.Decoder(), "decoder."
		v.decoder = l.transformer(m)
		v.decoder.decodes = true
		l.config, l.prefix = whole, ""
		v.decode = l.taskLayer("decode_task_layer.")
	}
	return v
}

func (l *loader) taskLayer(prefix string) taskLayer {
	return taskLayer{l.linear(prefix+"0.", l.config.Patches(), l.layout), l.linear(prefix+"2.", l.config.Patches(), l.layout)}
}

func (l *loader) codebook() codebook {
	book := codebook{dim: l.config.Codebook.Dim}
	const name = "quantize.embedding.weight"
	book.codes = l.scope.keep(func(s *scope) value { return s.copyTo(l.view(s, name), l.device, l.dtype.atLeastFloat32()) })
	book.penalty = l.scope.keep(func(s *scope) value {
		squares := s.sum(s.square(book.codes))
		s.scale(squares, -0.5)
		return squares
	})
	return book
}

func (t taskLayer) apply(s *scope, x value) value {
	return s.keep(func(s *scope) value {
		hidden := t.first.apply(s, x)
		s.tanh(hidden)
		return t.second.apply(s, hidden)
	})
}

// nearest returns the index of the code nearest to each vector, [N, P], once that has the length 1: of several the first, and NaN for a vector with one. Source:
// microsoft/unilm beit2/norm_ema_quantizer.py.
func (b codebook) nearest(s *scope, vectors value, m *machine) value {
	return s.keep(func(s *scope) value {
		x := s.copyTo(vectors, m.device, m.dtype.atLeastFloat32())
		length := s.length(x)
		s.atLeast(length, smallestLength)
		s.divide(x, length)
		return s.choose(s.linear(x, b.codes, b.penalty), -1, m.device)
	})
}

// smallestLength is what torch.nn.functional.normalize divides shorter vectors by.
const smallestLength = 1e-12

// lookUp returns the codes of what nearest returns, [N, P, dim].
func (b codebook) lookUp(s *scope, tokens value, images int, m *machine) value {
	return s.keep(func(s *scope) value {
		list := s.reshape(tokens, -1)
		none := s.isNaN(list)
		rows := s.rows(b.codes, s.copyTo(s.where(none, s.zeros(m.device, float64s, 1), list), m.device, int64s))
		rows = s.where(s.reshape(none, -1, 1), s.nan(m.device, m.dtype.atLeastFloat32()), rows)
		return s.copyTo(s.reshape(rows, int64(images), -1, int64(b.dim)), m.device, m.dtype)
	})
}

func (v *vqkd) forward(ctx context.Context, s *scope, input engine.Input, images int, tap engine.Tap) engine.Activation {
	e, patches := v.encoder, v.encoder.config.Patches()
	pooled := e.run(ctx, s, e.embed(s, e.unfold(s, input.Pixels, images), nil, images), images, tap, nil)
	codes := v.encode.apply(s, pooled.x)
	s.emit(tap, engine.Stage{Kind: engine.Codes}, codes, tensor.Shape{images, patches, v.book.dim})
	tokens := v.book.nearest(s, codes, v.machine)
	found := s.activation(engine.Stage{Kind: engine.Tokens}, tokens, tensor.Shape{images, patches})
	s.emit(tap, engine.Stage{Kind: engine.Tokens}, tokens, tensor.Shape{images, patches})
	if d := v.decoder; d != nil && tap != nil {
		features := d.run(ctx, s, d.embed(s, v.book.lookUp(s, tokens, images, v.machine), nil, images), images, tap, nil)
		s.emit(tap, engine.Stage{Kind: engine.Target}, v.decode.apply(s, features.x), tensor.Shape{images, patches, v.target})
	}
	return found
}
