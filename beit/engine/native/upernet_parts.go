package native

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
)

// part loads what computes a stage of UPerNet.
func (m *upernet[T]) part(l *loader[T], stage engine.Stage) (Part, error) {
	m = newUPerNet(m.config, m.threads, m.round)
	if stage.Kind == engine.Embed || stage.InBlock() {
		s, err := m.backbone.part(l.part(m.config.Backbone(), ""), stage)
		if err != nil {
			return nil, err
		}
		return s.whole(stage), nil
	}
	compute, err := m.compute(stage)
	if err != nil {
		return nil, err
	}
	if err := m.read(l, stage); err != nil {
		return nil, err
	}
	if stage.Kind == engine.FullLogits {
		return m.fullPart(stage), nil
	}
	return m.mapsPart(stage, compute), nil
}

// compute returns the function that makes a stage behind the blocks of the planes of an image, whose memory it may take.
func (m *upernet[T]) compute(stage engine.Stage) (func(ctx context.Context, work *planes[T], given []*plane[T]) (*plane[T], error), error) {
	one := func(compute func(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error)) func(context.Context, *planes[T], []*plane[T]) (*plane[T], error) {
		return func(ctx context.Context, work *planes[T], given []*plane[T]) (*plane[T], error) {
			return compute(ctx, work, given[0])
		}
	}
	s := m.config.Segmentation
	switch {
	case stage.Kind == engine.Feature && stage.Block >= 0 && stage.Block < arch.Levels:
		return one(func(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
			return m.neck(ctx, work, stage.Block, x)
		}), nil
	case stage.Kind == engine.Lateral && stage.Block >= 0 && stage.Block < arch.Levels-1:
		return one(func(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
			return m.laterals[stage.Block].apply(ctx, work, x)
		}), nil
	case stage.Kind == engine.Pyramid:
		return one(m.pyramid), nil
	case stage.Kind == engine.Fused:
		return m.fuse, nil
	case stage.Kind == engine.Logits:
		return one(func(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
			return m.classify(ctx, work, &m.classifier, x)
		}), nil
	case stage.Kind == engine.AuxiliaryLogits && s.AuxiliaryChannels > 0:
		return one(m.auxiliaryLogits), nil
	case stage.Kind == engine.FullLogits:
		return nil, nil // which is not a plane: see full
	}
	return nil, noStage(stage)
}

// mapsPart is the part of a stage behind the blocks.
func (m *upernet[T]) mapsPart(stage engine.Stage, compute func(ctx context.Context, work *planes[T], given []*plane[T]) (*plane[T], error)) Part {
	return func(ctx context.Context, _ engine.Input, before ...engine.Activation) ([]engine.Activation, error) {
		given, images, err := m.given(stage, before)
		if err != nil {
			return nil, err
		}
		work := newPlanes[T](m.threads)
		results := make([]*plane[T], images)
		for n := range results {
			if results[n], err = compute(ctx, work, given(work, n)); err != nil {
				return nil, err
			}
		}
		return []engine.Activation{pictures(stage, results)}, nil
	}
}

// given checks the activations that a stage is computed from. It returns a function that makes planes of those of image n, and the number of images.
func (m *upernet[T]) given(stage engine.Stage, before []engine.Activation) (given func(work *planes[T], n int) []*plane[T], images int, err error) {
	needed := stage.Inputs(m.config)
	if len(before) != len(needed) {
		return nil, 0, &StageError{stage, fmt.Sprintf("it is computed from %d activations, not %d", len(needed), len(before))}
	}
	sizes := make([]geometry, len(needed))
	for i, from := range needed {
		sizes[i] = m.sizeOf(from)
		one := sizes[i].channels * sizes[i].height * sizes[i].width
		if stage.Kind == engine.Feature {
			one = m.config.Tokens() * m.config.EmbedDim
		}
		count, err := wholeImages(stage, before[i], one)
		if err != nil {
			return nil, 0, err
		}
		if i > 0 && count != images {
			return nil, 0, &StageError{stage, fmt.Sprintf("it is computed from %s of %d images and %s of %d", needed[0], images, from, count)}
		}
		images = count
	}
	return func(work *planes[T], n int) (all []*plane[T]) {
		for i, a := range before {
			one := len(a.Values) / images
			own := a.Values[n*one : (n+1)*one]
			if stage.Kind == engine.Feature {
				return append(all, m.patches(work, values[T](m.threads, engine.Activation{Values: own})))
			}
			x := work.take(sizes[i])
			fill(x, own)
			all = append(all, x)
		}
		return all
	}, images, nil
}

// sizeOf returns the size of what a stage behind the blocks returns.
func (m *upernet[T]) sizeOf(stage engine.Stage) geometry {
	g := geometry{channels: m.config.Segmentation.Channels, pad: 1}
	level := 0
	switch stage.Kind {
	case engine.Feature:
		g.channels, level = m.config.EmbedDim, stage.Block
	case engine.Lateral:
		level = stage.Block
	case engine.Pyramid:
		level = arch.Levels - 1
	case engine.Logits:
		g.channels = m.config.Classes
	}
	g.height, g.width = m.config.LevelSize(level)
	return g
}

// fullPart is the part of FullLogits.
func (m *upernet[T]) fullPart(stage engine.Stage) Part {
	return func(ctx context.Context, _ engine.Input, before ...engine.Activation) ([]engine.Activation, error) {
		given, images, err := m.given(stage, before)
		if err != nil {
			return nil, err
		}
		logits, work := make([]*plane[T], images), newPlanes[T](m.threads)
		for n := range logits {
			logits[n] = given(work, n)[0]
		}
		a, err := m.full(ctx, logits)
		return []engine.Activation{a}, err
	}
}

// upernetParts sets how parts of a UPerNet are loaded.
func upernetParts[T gemm.Float](p *Parts, l *loader[T], m *upernet[T]) {
	p.load = func(stage engine.Stage) (Part, error) { return m.part(l, stage) }
	p.shares = func(block int) (Shares, error) {
		return m.backbone.fresh().loadShares(l.part(m.config.Backbone(), ""), block)
	}
}
