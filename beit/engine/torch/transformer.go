//go:build libtorch

package torch

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// sharedTable is the name of the relative position bias table of all blocks.
const sharedTable = "rel_pos_bias.relative_position_bias_table"

// transformer is a BEiT, or one of the two transformers of VQ-KD.
type transformer struct {
	*machine
	config arch.Config
	// decodes says that it is the one behind the codebook, whose stages have names of their own.
	decodes bool
	attend  attend
	// alone says that the weights of the blocks are packed for the tokens of one image.
	alone bool
	// noBias is passed to attention as the bias if the transformer has none: zeros if the implementation of attention needs them, else absent.
	noBias value
	stem   stem
	blocks []block
	tail   tail
}

// result is the last thing that a transformer computes.
type result struct {
	stage engine.Stage
	x     value
	shape tensor.Shape
}

// transformer reads a transformer, whose parameters begin with l.prefix.
func (l *loader) transformer(m *machine) *transformer {
	t := &transformer{machine: m, config: l.config}
	// Weights are packed where there are instructions for their products.
	t.attend, t.alone = chooseAttention(t, l.layout != rowMajor && l.products == l.dtype), l.tokenLayout != l.layout
	t.stem = l.stem()
	var shared *positions
	switch tokens := int64(l.config.Tokens()); {
	case l.config.Bias == arch.SharedBias:
		shared = l.positions(sharedTable)
	case l.config.Bias == arch.NoBias && haveFused():
		t.noBias = l.scope.zeros(m.device, m.dtype, 1, 1, tokens, tokens)
	}
	t.blocks = l.blocks(m.threads, shared)
	t.tail = l.tail()
	for i := range t.blocks {
		if l.scope.err == nil && m.device == cpu {
			var err error
			t.blocks[i].program, err = t.blocks[i].list(t, t.pools(i))
			l.scope.fail(err)
		}
	}
	return t
}

func (t *transformer) forward(ctx context.Context, s *scope, input engine.Input, images int, tap engine.Tap) engine.Activation {
	last := t.run(ctx, s, t.embed(s, t.unfold(s, input.Pixels, images), input.Mask, images), images, tap, nil)
	return s.activation(last.stage, last.x, last.shape)
}

// run computes everything behind the stem, and calls the tap with each stage. keep, if not nil, gets the tokens before the first block, and after each, to copy what
// it needs: the next block changes them.
func (t *transformer) run(ctx context.Context, s *scope, x value, images int, tap engine.Tap, keep func(s *scope, blocks int, x value)) result {
	if keep == nil {
		keep = func(*scope, int, value) {}
	}
	tokens := tensor.Shape{images, t.config.Tokens(), t.config.EmbedDim}
	s.emit(tap, t.stage(engine.Embed, 0), x, tokens)
	keep(s, 0, x)
	var pooled value
	for i := range t.blocks {
		if tap == nil && t.blocks[i].program != nil {
			pooled = t.compute(ctx, s, i, x, images)
		} else {
			pooled = t.computeInSteps(ctx, s, i, x, images, tap)
		}
		if tap == nil && t.pools(i) {
			break
		}
		s.emit(tap, t.stage(engine.Block, i), x, tokens)
		keep(s, i+1, x)
	}
	if t.config.Pooling == arch.NoPooling {
		return result{t.stage(engine.Block, t.config.Depth-1), x, tokens}
	}
	if pooled == (value{}) {
		pooled = t.pool(s, x)
	}
	return t.finish(s, pooled, images, tap)
}

// pools reports whether block i ends in the mean of the tokens; see feedMean.
func (t *transformer) pools(i int) bool {
	return i == t.config.Depth-1 && t.config.Pooling == arch.MeanPooling
}

// compute computes block i in one call, which changes x, and returns what it pools, if it does.
func (t *transformer) compute(ctx context.Context, s *scope, i int, x value, images int) value {
	if t.pools(i) {
		return t.byImage(ctx, s, x, images, func(s *scope, x value, _ int) value { return t.blocks[i].compute(s, x, t) })
	}
	s.within(func(s *scope) {
		for _, part := range t.parts(s, x, images) {
			s.fail(ctx.Err())
			t.blocks[i].compute(s, part, t)
		}
	})
	return value{}
}

// computeInSteps is compute operator by operator, which calls the tap between them. With a tap all tokens of the last block are computed, too, for the tap alone: the
// result comes from feedMean in either case.
func (t *transformer) computeInSteps(ctx context.Context, s *scope, i int, x value, images int, tap engine.Tap) (pooled value) {
	b := t.blocks[i]
	s.within(func(s *scope) {
		branch := t.byImage(ctx, s, x, images, func(s *scope, x value, images int) value { return b.attend(s, x, t, images) })
		s.emit(tap, t.stage(engine.Attention, i), branch, tensor.Shape{images, t.config.Tokens(), t.config.EmbedDim})
		s.addScaled(x, b.gamma1, branch)
	})
	if t.pools(i) {
		if pooled = t.byImage(ctx, s, x, images, func(s *scope, x value, _ int) value { return b.feedMean(s, x, t) }); tap == nil {
			return pooled
		}
	}
	s.within(func(s *scope) {
		s.addScaled(x, b.gamma2, t.byImage(ctx, s, x, images, func(s *scope, x value, _ int) value { return b.feed(s, x, t) }))
	})
	return pooled
}

// byImage returns what part makes of x, or where the weights are packed for the tokens of one image, what it makes of each image.
func (t *transformer) byImage(ctx context.Context, s *scope, x value, images int, part func(s *scope, x value, images int) value) value {
	return s.keep(func(s *scope) value {
		parts := t.parts(s, x, images)
		results := make([]value, len(parts))
		for i, x := range parts {
			s.fail(ctx.Err())
			results[i] = part(s, x, images/len(parts))
		}
		if len(results) == 1 {
			return results[0]
		}
		return s.concatenate(0, results...)
	})
}

// parts returns what goes through a block together, as views of x: all images or, where the weights are packed for the tokens of one, each alone.
func (t *transformer) parts(s *scope, x value, images int) []value {
	if !t.alone || images == 1 {
		return []value{x}
	}
	parts := make([]value, images)
	for i := range parts {
		parts[i] = s.narrow(x, 0, int64(i), 1)
	}
	return parts
}

// finish normalises the pooled vectors and computes the logits.
func (t *transformer) finish(s *scope, pooled value, images int, tap engine.Tap) result {
	shape := tensor.Shape{images, t.config.EmbedDim}
	if eachPatch(t.config) {
		shape = tensor.Shape{images, t.config.Patches(), t.config.EmbedDim}
	}
	last := result{t.stage(engine.Pool, 0), t.tail.norm.apply(s, pooled, t.config), shape}
	s.emit(tap, last.stage, last.x, shape)
	if t.config.Classes > 0 {
		shape = append(shape[:len(shape)-1:len(shape)-1], t.config.Classes)
		last = result{engine.Stage{Kind: engine.Logits}, t.tail.head.apply(s, last.x), shape}
		s.emit(tap, last.stage, last.x, shape)
	}
	return last
}

// behindCodebook has the kinds of stages behind the codebook of VQ-KD for those of any transformer.
var behindCodebook = map[engine.StageKind]engine.StageKind{
	engine.Embed: engine.DecoderEmbed, engine.Attention: engine.DecoderAttention, engine.Block: engine.DecoderBlock, engine.Pool: engine.DecoderPool,
}

func (t *transformer) stage(kind engine.StageKind, block int) engine.Stage {
	if t.decodes {
		kind = behindCodebook[kind]
	}
	return engine.Stage{Kind: kind, Block: block}
}
