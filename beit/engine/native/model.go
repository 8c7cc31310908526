package native

import (
	"context"
	"sync"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// model holds packed weights, which Forward only reads.
type model[T gemm.Float] struct {
	config  arch.Config
	threads int
	// round rounds results to the dtype in place; nil if T has the wanted precision.
	round  func([]T)
	stem   stem[T]
	blocks []block[T]
	tail   tail[T]
	// spare has workspaces that nobody uses; a model without it makes new ones.
	spare *sync.Pool
}

// Forward implements [engine.Model]. When ctx ends, it stops inside a block, before the next part of a product or the next
// queries of a head.
func (m *model[T]) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	var last engine.Activation
	images, err := engine.Images(m.config, input)
	if err != nil {
		return last, err
	}
	x, err := m.embed(ctx, input, images)
	if err != nil {
		return last, err
	}
	if x, err = m.run(ctx, x, images, tap, nil); err != nil {
		return last, err
	}
	return m.finish(ctx, x, images, tap)
}

// run computes all blocks from the tokens x, which it changes and returns. keep, if not nil, gets the tokens before the first block, and after each, to copy what it
// needs.
func (m *model[T]) run(ctx context.Context, x []T, images int, tap engine.Tap, keep func(blocks int, x []T)) ([]T, error) {
	if keep == nil {
		keep = func(int, []T) {}
	}
	if err := emit(m.threads, tap, engine.Stage{Kind: engine.Embed}, m.tokenShape(images), x); err != nil {
		return nil, err
	}
	keep(0, x)
	work := m.workspace(images)
	defer m.putBack(work)
	for i := range m.blocks {
		if err := m.block(ctx, &m.blocks[i], x, work, tap, i); err != nil {
			return nil, err
		}
		keep(i+1, x)
	}
	return x, nil
}

func (m *model[T]) tokenShape(images int) tensor.Shape {
	return tensor.Shape{images, m.config.Tokens(), m.config.EmbedDim}
}

// block adds the attention branch and the MLP branch of block i to x.
func (m *model[T]) block(ctx context.Context, b *block[T], x []T, work *workspace[T], tap engine.Tap, i int) error {
	feed := func(g group[T]) error { return work.feed(ctx, b, g, work.add(g, b.gamma2)) }
	if tap == nil {
		attend := func(g group[T]) error { return work.attend(ctx, b, g, work.add(g, b.gamma1)) }
		return work.groups(x, attend, feed)
	}
	work.branch = sized(work.branch, len(x))
	attend := func(g group[T]) error { return work.attend(ctx, b, g, work.keep(g)) }
	if err := work.groups(x, attend); err != nil {
		return err
	}
	if err := emit(m.threads, tap, engine.Stage{Kind: engine.Attention, Block: i}, m.tokenShape(work.images), work.branch); err != nil {
		return err
	}
	add := func(g group[T]) error { return work.addKept(ctx, g, b.gamma1) }
	if err := work.groups(x, add, feed); err != nil {
		return err
	}
	return emit(m.threads, tap, engine.Stage{Kind: engine.Block, Block: i}, m.tokenShape(work.images), x)
}

// finish pools and classifies. The result of a model of features is what the last block returned.
func (m *model[T]) finish(ctx context.Context, x []T, images int, tap engine.Tap) (engine.Activation, error) {
	if m.config.Pooling == arch.NoPooling {
		return activation(m.threads, engine.Stage{Kind: engine.Block, Block: m.config.Depth - 1}, m.tokenShape(images), x), nil
	}
	stage := engine.Stage{Kind: engine.Pool}
	pooled, shape, err := m.pool(ctx, x, images)
	if err != nil {
		return engine.Activation{}, err
	}
	if err := emit(m.threads, tap, stage, shape, pooled); err != nil {
		return engine.Activation{}, err
	}
	if m.config.Classes == 0 {
		return activation(m.threads, stage, shape, pooled), nil
	}
	stage.Kind = engine.Logits
	logits, shape, err := m.classify(ctx, pooled, shape)
	if err != nil {
		return engine.Activation{}, err
	}
	if err := emit(m.threads, tap, stage, shape, logits); err != nil {
		return engine.Activation{}, err
	}
	return activation(m.threads, stage, shape, logits), nil
}

// emit calls the tap with a copy.
func emit[T gemm.Float](threads int, tap engine.Tap, stage engine.Stage, shape tensor.Shape, values []T) error {
	if tap == nil {
		return nil
	}
	return tap(activation(threads, stage, shape, values))
}

func activation[T gemm.Float](threads int, stage engine.Stage, shape tensor.Shape, values []T) engine.Activation {
	copied := make([]float64, len(values))
	parallel.RangesOn(threads, len(values), 1, func(from, to int) { widen(copied[from:to], values[from:to]) })
	return engine.Activation{Name: stage.String(), Shape: append(tensor.Shape(nil), shape...), Values: copied}
}
