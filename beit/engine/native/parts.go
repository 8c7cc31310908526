package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// Part computes one part of a forward pass, with the weights of this part only: the tokens before the first block, a block, the input of the head, or the
// logits. The tokens are computed from input, all others from before, the activation of the stage that [engine.Stage.Before] names. It returns the
// activations of its stages in the order of the forward pass, in new memory: two for a block, else one. The error is a *StageError for an activation of
// another size, an *engine.InputError, or that of ctx.
type Part func(ctx context.Context, input engine.Input, before engine.Activation) ([]engine.Activation, error)

// Parts loads a model part by part, for a forward pass that needs memory for one block, and to check single stages. It is safe for concurrent use.
type Parts struct {
	load   func(stage engine.Stage) (Part, error)
	shares func(block int) (Shares, error)
	free   func()
}

// Load returns the part that computes a stage; both stages of a block have the same. It is the only one whose weights are read. The error is a *StageError
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
	switch options.DType {
	case tensor.F64:
		return newParts[float64](config, weights, threadsOf(options), nil)
	case tensor.F32, tensor.Invalid:
		return newParts[float32](config, weights, threadsOf(options), nil)
	case tensor.BF16:
		return newParts(config, weights, threadsOf(options), roundBF16)
	case tensor.F16:
		return newParts(config, weights, threadsOf(options), roundF16)
	}
	return nil, &engine.DTypeError{Engine: e.Name(), DType: options.DType, Reason: "it has F64, F32, BF16 and F16"}
}

func newParts[T gemm.Float](config arch.Config, weights []tensor.Named, threads int, round func([]T)) (*Parts, error) {
	l, err := newLoader(config, weights, round)
	if err != nil {
		return nil, err
	}
	shares := func(block int) (Shares, error) {
		return (&model[T]{config: config, threads: threads, round: round}).loadShares(l, block)
	}
	return &Parts{free: l.memory.free, shares: shares, load: func(stage engine.Stage) (Part, error) {
		m := &model[T]{config: config, threads: threads, round: round}
		switch {
		case stage.Kind == engine.Embed:
			return m.stemPart(l)
		case stage.InBlock() && stage.Block >= 0 && stage.Block < config.Depth:
			return m.blockPart(l, stage)
		case stage.Kind == engine.Pool && config.Pooling != arch.NoPooling:
			return m.poolPart(l, stage)
		case stage.Kind == engine.Logits && config.Classes > 0:
			return m.logitsPart(l, stage)
		}
		return nil, &StageError{stage, "the model does not have it"}
	}}, nil
}

func (m *model[T]) stemPart(l *loader[T]) (part Part, err error) {
	if m.stem, err = l.stem(); err != nil {
		return nil, err
	}
	return func(ctx context.Context, input engine.Input, _ engine.Activation) ([]engine.Activation, error) {
		images, err := engine.Images(m.config, input)
		if err != nil {
			return nil, err
		}
		x, err := m.embed(ctx, input, images)
		return []engine.Activation{activation(engine.Stage{Kind: engine.Embed}, m.tokenShape(images), x)}, err
	}, nil
}

func (m *model[T]) blockPart(l *loader[T], stage engine.Stage) (Part, error) {
	b, err := l.block(stage.Block, m.threads)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ engine.Input, before engine.Activation) (all []engine.Activation, err error) {
		images, err := wholeImages(stage, before, m.config.Tokens()*m.config.EmbedDim)
		if err != nil {
			return nil, err
		}
		x, work := values[T](before), newWorkspace(m, images)
		return all, m.block(ctx, &b, x, work, func(a engine.Activation) error { all = append(all, a); return nil }, stage.Block)
	}, nil
}

func (m *model[T]) poolPart(l *loader[T], stage engine.Stage) (part Part, err error) {
	if m.tail.norm, err = l.norm(m.config.NormName() + "."); err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ engine.Input, before engine.Activation) ([]engine.Activation, error) {
		images, err := wholeImages(stage, before, m.config.Tokens()*m.config.EmbedDim)
		if err != nil {
			return nil, err
		}
		pooled, shape, err := m.pool(ctx, values[T](before), images)
		return []engine.Activation{activation(stage, shape, pooled)}, err
	}, nil
}

func (m *model[T]) logitsPart(l *loader[T], stage engine.Stage) (part Part, err error) {
	if m.tail.head, err = l.linear(m.config.HeadName()+".", m.config.Classes, m.config.EmbedDim); err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ engine.Input, before engine.Activation) ([]engine.Activation, error) {
		if _, err := wholeImages(stage, before, m.config.EmbedDim); err != nil {
			return nil, err
		}
		logits, shape, err := m.classify(ctx, values[T](before), before.Shape)
		return []engine.Activation{activation(stage, shape, logits)}, err
	}, nil
}

// values returns a copy of an activation's values; a block changes its input.
func values[T gemm.Float](a engine.Activation) []T {
	copied := make([]T, len(a.Values))
	for i, v := range a.Values {
		copied[i] = T(v)
	}
	return copied
}
