package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// part loads what computes a stage of a dVAE.
func (m *dvae[T]) part(l *loader[T], stage engine.Stage) (step, error) {
	m = newDVAE(m.config, m.threads, m.round)
	output := m.outputStage()
	switch {
	case stage.Kind == engine.Embed:
		return m.embedPart(l, stage)
	case stage.Kind == engine.Block && stage.Block >= 0 && stage.Block < m.config.Depth:
		return m.blockPart(l, stage)
	case stage == output:
		if err := m.readOutput(l); err != nil {
			return nil, err
		}
		return m.planePart(stage, m.geometry(m.config.Depth-1), m.finish), nil
	case stage.Kind == engine.Tokens && m.config.Kind == arch.DVAEEncoder, stage.Kind == engine.Picture && m.config.Kind == arch.DVAEDecoder:
		return m.resultPart(stage), nil
	}
	return nil, noStage(stage)
}

func (m *dvae[T]) embedPart(l *loader[T], stage engine.Stage) (step, error) {
	if err := m.readInput(l); err != nil {
		return nil, err
	}
	return func(ctx context.Context, input engine.Input, _ engine.Activation) ([]engine.Activation, error) {
		images, err := engine.Images(m.config, input)
		if err != nil {
			return nil, err
		}
		work, all := newPlanes[T](m.threads), make([]*plane[T], images)
		for n := range all {
			if all[n], err = m.embed(ctx, work, oneOf(input, images, n)); err != nil {
				return nil, err
			}
		}
		return []engine.Activation{pictures(stage, all)}, nil
	}, nil
}

func (m *dvae[T]) blockPart(l *loader[T], stage engine.Stage) (step, error) {
	b, err := l.convolutionBlock(m.shapes[stage.Block], m.threads)
	if err != nil {
		return nil, err
	}
	return m.planePart(stage, m.geometry(stage.Block-1), func(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
		return m.block(ctx, work, stage.Block, &b, x)
	}), nil
}

// planePart is a part that computes planes from planes.
func (m *dvae[T]) planePart(stage engine.Stage, before geometry, compute func(context.Context, *planes[T], *plane[T]) (*plane[T], error)) step {
	one := before.channels * before.height * before.width
	return func(ctx context.Context, _ engine.Input, given engine.Activation) ([]engine.Activation, error) {
		images, err := wholeImages(stage, given, one)
		if err != nil {
			return nil, err
		}
		work, all := newPlanes[T](m.threads), make([]*plane[T], images)
		for n := range all {
			x := work.take(before)
			fill(x, given.Values[n*one:(n+1)*one])
			if all[n], err = compute(ctx, work, x); err != nil {
				return nil, err
			}
		}
		return []engine.Activation{pictures(stage, all)}, nil
	}
}

func (m *dvae[T]) resultPart(stage engine.Stage) step {
	before := m.geometry(m.config.Depth - 1)
	before.channels = m.config.Classes
	if m.config.Kind == arch.DVAEDecoder {
		before.channels = 2 * m.config.Channels
	}
	one := before.channels * before.height * before.width
	return func(_ context.Context, _ engine.Input, given engine.Activation) ([]engine.Activation, error) {
		images, err := wholeImages(stage, given, one)
		if err != nil {
			return nil, err
		}
		all := make([]*plane[T], images)
		for n := range all {
			all[n] = newPlane[T](before)
			fill(all[n], given.Values[n*one:(n+1)*one])
		}
		return []engine.Activation{m.result(all)}, nil
	}
}

// geometry is that of the planes behind a block, or behind the first convolution for block -1.
func (m *dvae[T]) geometry(block int) geometry {
	c := m.config
	g := geometry{height: c.ImageHeight, width: c.ImageWidth, channels: c.EmbedDim, pad: 1}
	if c.Kind == arch.DVAEDecoder {
		g.height, g.width = c.Window()
		g.channels = c.InitDim
	}
	for i := range block + 1 {
		g.channels = m.shapes[i].Out
		if i == 0 || !m.shapes[i-1].Last {
			continue
		}
		if c.Kind == arch.DVAEDecoder {
			g.height, g.width = 2*g.height, 2*g.width
		} else {
			g.height, g.width = g.height/2, g.width/2
		}
	}
	return g
}

// part loads what computes a stage of VQ-KD.
func (m *vqkd[T]) part(l *loader[T], stage engine.Stage) (step, error) {
	c, err := m.config, error(nil)
	switch stage.Kind {
	case engine.Embed, engine.Attention, engine.Block, engine.Pool:
		return m.encoder.part(l.part(c.Encoder(), "encoder."), stage)
	case engine.Codes:
		m.toCode, err = l.taskLayer("encode_task_layer.", c.EmbedDim, c.Codebook.Dim)
		return m.taskPart(stage, &m.toCode), err
	case engine.Tokens:
		m.codebook, err = l.codebook()
		return m.tokensPart(stage), err
	}
	if m.decoder == nil {
		return nil, noStage(stage)
	}
	inside := l.part(c.Decoder(), "decoder.")
	switch stage.Kind {
	case engine.DecoderEmbed:
		if m.codebook.values, err = l.values(codebookName); err != nil {
			return nil, err
		}
		m.codebook.squares = make([]T, c.Codebook.Codes)
		m.decoder.stem, err = inside.stem()
		return m.decoderEmbedPart(stage), err
	case engine.DecoderAttention:
		return m.decoderPart(inside, engine.Stage{Kind: engine.Attention, Block: stage.Block})
	case engine.DecoderBlock:
		return m.decoderPart(inside, engine.Stage{Kind: engine.Block, Block: stage.Block})
	case engine.DecoderPool:
		return m.decoderPart(inside, engine.Stage{Kind: engine.Pool})
	case engine.Target:
		m.fromCode, err = l.taskLayer("decode_task_layer.", c.Codebook.Decoder.EmbedDim, c.Codebook.Decoder.Features)
		return m.taskPart(stage, &m.fromCode), err
	}
	return nil, noStage(stage)
}

// decoderPart is a part of the decoder, whose stages have other names in the whole model.
func (m *vqkd[T]) decoderPart(l *loader[T], stage engine.Stage) (step, error) {
	inner, err := m.decoder.part(l, stage)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, input engine.Input, before engine.Activation) ([]engine.Activation, error) {
		all, err := inner(ctx, input, before)
		for i, a := range all {
			all[i] = ofDecoder(a)
		}
		return all, err
	}, nil
}

func (m *vqkd[T]) taskPart(stage engine.Stage, layer *taskLayer[T]) step {
	return m.patchPart(stage, layer.first.in, func(ctx context.Context, given []float64, shape tensor.Shape) (engine.Activation, error) {
		out, err := layer.apply(ctx, m.threads, values[T](m.threads, engine.Activation{Values: given}), m.round)
		return activation(m.threads, stage, append(shape, layer.second.out), out), err
	})
}

func (m *vqkd[T]) tokensPart(stage engine.Stage) step {
	return m.patchPart(stage, m.config.Codebook.Dim, func(ctx context.Context, given []float64, shape tensor.Shape) (engine.Activation, error) {
		tokens, err := m.codebook.nearest(ctx, m.threads, values[T](m.threads, engine.Activation{Values: given}))
		return activation(m.threads, stage, shape, tokens), err
	})
}

func (m *vqkd[T]) decoderEmbedPart(stage engine.Stage) step {
	return m.patchPart(stage, 1, func(ctx context.Context, given []float64, shape tensor.Shape) (engine.Activation, error) {
		x, err := m.embedCodes(ctx, given, shape[0])
		return activation(m.threads, stage, m.decoder.tokenShape(shape[0]), x), err
	})
}

// patchPart is a part that computes something of so many values for each patch. compute gets a shape [images, Patches].
func (m *vqkd[T]) patchPart(
	stage engine.Stage, width int, compute func(ctx context.Context, given []float64, shape tensor.Shape) (engine.Activation, error),
) step {
	return func(ctx context.Context, _ engine.Input, before engine.Activation) ([]engine.Activation, error) {
		images, err := wholeImages(stage, before, m.config.Patches()*width)
		if err != nil {
			return nil, err
		}
		a, err := compute(ctx, before.Values, tensor.Shape{images, m.config.Patches()})
		return []engine.Activation{a}, err
	}
}
