//go:build libtorch

package torch

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// model is a loaded model. Everything in it is used on its thread only.
type model struct {
	config arch.Config
	device device
	dtype  dtype
	// threads is how many threads an operator uses.
	threads int
	thread  *thread

	// weights owns the tensors of stem, blocks and tail.
	weights scope
	attend  attend
	// noBias is passed to attention as the bias if the model has none.
	noBias value
	stem   stem
	blocks []block
	tail   tail
}

// Forward implements [engine.Model]. When ctx ends, it stops before the next block.
func (m *model) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	var last engine.Activation
	images, err := engine.Images(m.config, input)
	if err != nil {
		return last, err
	}
	if err := ctx.Err(); err != nil {
		return last, err
	}
	closed := m.thread.do(func() {
		s := &scope{}
		defer s.close()
		last = m.forward(ctx, s, input, images, tap)
		err = s.err
	})
	if closed != nil {
		return last, closed
	}
	return last, err
}

// Close frees the weights and ends the thread.
func (m *model) Close() error {
	if err := m.thread.do(m.weights.close); err != nil {
		return nil
	}
	m.thread.close()
	return nil
}

func (m *model) forward(ctx context.Context, s *scope, input engine.Input, images int, tap engine.Tap) engine.Activation {
	tokens := tensor.Shape{images, m.config.Tokens(), m.config.EmbedDim}
	x := m.embed(s, input, images)
	s.emit(tap, engine.Stage{Kind: engine.Embed}, x, tokens)
	var pooled value
	for i, b := range m.blocks {
		s.fail(ctx.Err())
		s.within(func(s *scope) {
			branch := b.attend(s, x, m, images)
			s.emit(tap, engine.Stage{Kind: engine.Attention, Block: i}, branch, tokens)
			s.addScaled(x, b.gamma1, branch)
		})
		if i == len(m.blocks)-1 && m.config.Pooling == arch.MeanPooling {
			// With a tap, all tokens of the last block are computed too, for the tap alone: the result comes from feedMean in either case.
			if pooled = b.feedMean(s, x, m); tap == nil {
				break
			}
		}
		s.within(func(s *scope) { s.addScaled(x, b.gamma2, b.feed(s, x, m)) })
		s.emit(tap, engine.Stage{Kind: engine.Block, Block: i}, x, tokens)
	}
	if m.config.Pooling == arch.NoPooling {
		return s.activation(engine.Stage{Kind: engine.Block, Block: m.config.Depth - 1}, x, tokens)
	}
	if pooled == (value{}) {
		pooled = m.pool(s, x)
	}
	return m.finish(s, pooled, images, tap)
}

// finish normalises the pooled vectors and computes the logits.
func (m *model) finish(s *scope, pooled value, images int, tap engine.Tap) engine.Activation {
	shape := tensor.Shape{images, m.config.EmbedDim}
	if m.config.Pooling == arch.AllTokens {
		shape = tensor.Shape{images, m.config.Patches(), m.config.EmbedDim}
	}
	stage, result := engine.Stage{Kind: engine.Pool}, m.tail.norm.apply(s, pooled, m.config)
	if m.config.Classes > 0 {
		s.emit(tap, stage, result, shape)
		stage.Kind, result = engine.Logits, m.tail.head.apply(s, result)
		shape = append(shape[:len(shape)-1:len(shape)-1], m.config.Classes)
	}
	s.emit(tap, stage, result, shape)
	return s.activation(stage, result, shape)
}
