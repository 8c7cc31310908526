package native

import (
	"context"
	"fmt"
	"sync"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// Part computes one part of a forward pass, with the weights of this part only: the tokens before the first block, a block, or one of the stages behind the
// blocks. The tokens are computed from input, all others from before, the activations of the stages that [engine.Stage.Inputs] names. It returns the
// activations of its stages in the order of the forward pass, in new memory: two for a block of a transformer, else one. The error is a *StageError for activations of
// another number or size, an *engine.InputError, or that of ctx.
type Part func(ctx context.Context, input engine.Input, before ...engine.Activation) ([]engine.Activation, error)

// step is a part that is computed from one activation.
type step func(ctx context.Context, input engine.Input, before engine.Activation) ([]engine.Activation, error)

// whole returns a step of a stage as a part.
func (s step) whole(stage engine.Stage) Part {
	return func(ctx context.Context, input engine.Input, before ...engine.Activation) ([]engine.Activation, error) {
		switch {
		case len(before) == 1:
			return s(ctx, input, before[0])
		case len(before) > 1:
			return nil, &StageError{stage, fmt.Sprintf("it is computed from one activation, not %d", len(before))}
		}
		return s(ctx, input, engine.Activation{})
	}
}

// Parts loads a model part by part, for a forward pass that needs memory for one block, and to check single stages. It is safe for concurrent use.
type Parts struct {
	load   func(stage engine.Stage) (Part, error)
	shares func(block int) (Shares, error)
	free   func()
}

// Load returns the part that computes a stage; both stages of a transformer's block have the same. It is the only one whose weights are read. The error is a *StageError
// for a stage that the model does not have, or says which parameter cannot be read.
func (p *Parts) Load(stage engine.Stage) (Part, error) { return p.load(stage) }

// Free says that the parts that were loaded are not used any more, so that those that are loaded next may take their memory. It keeps that of the parts since the
// last Free, and no other.
func (p *Parts) Free() { p.free() }

// Parts makes a Parts of the weights of a model, with the arguments and errors of Load. No weights are read before Parts.Load, so they must stay open.
func (e Engine) Parts(config arch.Config, weights []tensor.Named, options engine.Options) (*Parts, error) {
	if options.Device != "" && options.Device != "cpu" {
		return nil, &engine.DeviceError{Engine: e.Name(), Device: options.Device, Reason: "runs on the CPU only"}
	}
	if options.DType == tensor.F64 {
		return newParts(config, weights, threadsOf(options), precision[float64]{})
	}
	p, err := e.narrow(options.DType)
	if err != nil {
		return nil, err
	}
	return newParts(config, weights, threadsOf(options), p)
}

func newParts[T gemm.Float](config arch.Config, weights []tensor.Named, threads int, precise precision[T]) (*Parts, error) {
	l, err := newLoader(config, weights, precise)
	if err != nil {
		return nil, err
	}
	p, round := &Parts{free: l.memory.free}, precise.round
	switch {
	case config.Convolutional():
		m := newDVAE(config, threads, round)
		p.load = steps(func(stage engine.Stage) (step, error) { return m.part(l, stage) })
	case config.Kind == arch.VQKD:
		p.load = steps(func(stage engine.Stage) (step, error) { return newVQKD(config, threads, round).part(l, stage) })
	case config.Segments():
		upernetParts(p, l, newUPerNet(config, threads, round))
		return p, nil
	default:
		m := &model[T]{config: config, threads: threads, round: round, spare: new(sync.Pool)}
		p.load = steps(func(stage engine.Stage) (step, error) { return m.fresh().part(l, stage) })
		p.shares = func(block int) (Shares, error) { return m.fresh().loadShares(l, block) }
		return p, nil
	}
	p.shares = func(block int) (Shares, error) {
		return nil, &StageError{engine.Stage{Kind: engine.Attention, Block: block}, "the model is a tokenizer"}
	}
	return p, nil
}

// steps returns the function that loads parts of a model whose parts are all steps.
func steps(load func(stage engine.Stage) (step, error)) func(stage engine.Stage) (Part, error) {
	return func(stage engine.Stage) (Part, error) {
		s, err := load(stage)
		if err != nil {
			return nil, err
		}
		return s.whole(stage), nil
	}
}

// fresh returns a model without weights.
func (m *model[T]) fresh() *model[T] {
	return &model[T]{config: m.config, threads: m.threads, round: m.round, spare: m.spare}
}

// part loads what computes a stage of a transformer.
func (m *model[T]) part(l *loader[T], stage engine.Stage) (step, error) {
	switch {
	case stage.Kind == engine.Embed:
		return m.stemPart(l)
	case stage.InBlock() && stage.Block >= 0 && stage.Block < m.config.Depth:
		return m.blockPart(l, stage)
	case stage.Kind == engine.Pool && m.config.Pooling != arch.NoPooling:
		return m.poolPart(l, stage)
	case stage.Kind == engine.Logits && m.config.Classes > 0:
		return m.logitsPart(l, stage)
	}
	return nil, noStage(stage)
}

func noStage(stage engine.Stage) error { return &StageError{stage, "the model does not have it"} }

func (m *model[T]) stemPart(l *loader[T]) (part step, err error) {
	if m.stem, err = l.stem(); err != nil {
		return nil, err
	}
	return func(ctx context.Context, input engine.Input, _ engine.Activation) ([]engine.Activation, error) {
		images, err := engine.Images(m.config, input)
		if err != nil {
			return nil, err
		}
		x, err := m.embed(ctx, input, images)
		return []engine.Activation{activation(m.threads, engine.Stage{Kind: engine.Embed}, m.tokenShape(images), x)}, err
	}, nil
}

func (m *model[T]) blockPart(l *loader[T], stage engine.Stage) (step, error) {
	b, err := l.block(stage.Block, m.threads)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ engine.Input, before engine.Activation) (all []engine.Activation, err error) {
		images, err := wholeImages(stage, before, m.config.Tokens()*m.config.EmbedDim)
		if err != nil {
			return nil, err
		}
		x, work := values[T](m.threads, before), m.workspace(images)
		defer m.putBack(work)
		return all, m.block(ctx, &b, x, work, func(a engine.Activation) error { all = append(all, a); return nil }, stage.Block)
	}, nil
}

func (m *model[T]) poolPart(l *loader[T], stage engine.Stage) (part step, err error) {
	if m.tail.norm, err = l.norm(m.config.NormName() + "."); err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ engine.Input, before engine.Activation) ([]engine.Activation, error) {
		images, err := wholeImages(stage, before, m.config.Tokens()*m.config.EmbedDim)
		if err != nil {
			return nil, err
		}
		pooled, shape, err := m.pool(ctx, values[T](m.threads, before), images)
		return []engine.Activation{activation(m.threads, stage, shape, pooled)}, err
	}, nil
}

func (m *model[T]) logitsPart(l *loader[T], stage engine.Stage) (part step, err error) {
	if m.tail.head, err = l.linear(m.config.HeadName()+".", m.config.Classes, m.config.EmbedDim); err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ engine.Input, before engine.Activation) ([]engine.Activation, error) {
		if _, err := wholeImages(stage, before, m.config.EmbedDim); err != nil {
			return nil, err
		}
		logits, shape, err := m.classify(ctx, values[T](m.threads, before), before.Shape)
		return []engine.Activation{activation(m.threads, stage, shape, logits)}, err
	}, nil
}

// values returns a copy of an activation's values; a block changes its input.
func values[T gemm.Float](threads int, a engine.Activation) []T {
	copied := make([]T, len(a.Values))
	parallel.RangesOn(threads, len(copied), 1, func(from, to int) {
		for i, v := range a.Values[from:to] {
			copied[from+i] = T(v)
		}
	})
	return copied
}
