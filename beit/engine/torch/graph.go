//go:build libtorch

package torch

import (
	"context"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// graph is a forward pass that libtorch records, and the way back. The layers are those of inference, put together of the parameters in training.
type graph struct {
	*learner
	ctx    context.Context
	images int
	// unfolded has the pixels of each patch, targets the probabilities, [N, Classes], and paths the factors of branches, [2 Depth, N, 1, 1], or nothing.
	unfolded, targets, paths value
	// share is that of the loss in the step.
	share float64
	// t has no layers, but how they compute.
	t *transformer
}

func (l *learner) newGraph(ctx context.Context, s *scope, batch engine.Batch, images int) *graph {
	g := &graph{learner: l, ctx: ctx, images: images, share: batch.Share, t: &transformer{machine: &l.machine, config: l.config, attend: plain}}
	if l.leaves.half {
		g.t.attend = halfAttention
	}
	n := int64(images)
	g.unfolded = g.t.unfold(s, batch.Pixels, images)
	g.targets = s.keep(func(s *scope) value {
		return s.copyTo(s.doubles(batch.Targets, n, int64(l.config.Classes)), l.device, l.dtype)
	})
	if batch.Paths != nil {
		g.paths = s.keep(func(s *scope) value {
			return s.copyTo(s.doubles(batch.Paths, int64(2*l.config.Depth), n, 1, 1), l.device, l.dtype)
		})
	}
	return g
}

// layers returns a loader that puts layers together in s.
func (g *graph) layers(s *scope) *loader {
	l := &loader{ctx: g.ctx, scope: s, config: g.config, views: map[string]tensor.View{}, device: g.device, dtype: g.dtype, leaves: &g.leaves}
	for _, v := range g.variables {
		l.views[v.param.Name] = tensor.View{Shape: v.param.Shape}
	}
	return l
}

// embed returns the tokens before the first block.
func (g *graph) embed(s *scope) value {
	return s.keep(func(s *scope) value {
		t := *g.t
		t.stem = g.layers(s).stem()
		return s.cast(t.embed(s, g.unfolded, nil, g.images), g.dtype)
	})
}

// block returns x after block i.
func (g *graph) block(s *scope, x value, i int) value {
	s.fail(g.ctx.Err())
	return s.keep(func(s *scope) value {
		layers := g.layers(s)
		var shared *positions
		if g.config.Bias == arch.SharedBias {
			shared = layers.positions(sharedTable)
		}
		b := layers.block(i, shared)
		x := g.residual(s, x, b.gamma1, b.attend(s, x, g.t, g.images), 2*i)
		return g.residual(s, x, b.gamma2, b.feed(s, x, g.t), 2*i+1)
	})
}

// residual returns the sum of x and a branch, multiplied by gamma unless that is absent, and by what its path says.
func (g *graph) residual(s *scope, x, gamma, branch value, path int) value {
	return s.keep(func(s *scope) value {
		factor := gamma
		if g.paths != (value{}) {
			factor = s.pick(g.paths, 0, int64(path))
			if gamma != (value{}) {
				factor = s.product(factor, gamma)
			}
		}
		return s.sumScaled(x, factor, s.cast(branch, g.dtype))
	})
}

// loss returns the mean loss of the batch times its share, from the tokens behind the last block.
func (g *graph) loss(s *scope, x value) value {
	return s.keep(func(s *scope) value {
		t, layers := *g.t, g.layers(s)
		exact := g.leaves
		exact.half = false // a head is small, and its logits decide
		layers.leaves = &exact
		t.tail = layers.tail()
		logits := t.finish(s, t.pool(s, x), g.images, nil).x
		loss := s.total(s.product(g.targets, s.logSoftmax(logits)))
		s.scale(loss, -g.share/float64(g.images))
		return loss
	})
}

// backward computes the mean loss, and adds the gradients to those that wait.
func (g *graph) backward(s *scope) float64 {
	var loss value
	if g.options.Recompute {
		loss = g.recompute(s)
	} else {
		s.record(func() {
			x := g.embed(s)
			for i := range g.config.Depth {
				x = s.replace(x, g.block(s, x, i))
			}
			loss = s.replace(x, g.loss(s, x))
		})
		g.differentiate(s, loss, value{}, false, func(*variable) bool { return true })
	}
	mean := s.read(loss, 1)
	if s.err != nil {
		return 0
	}
	if !finite(mean[0]) {
		_, bad := g.norm(s, g.learning())
		bad.Loss = mean[0]
		s.fail(bad)
	}
	return mean[0] / g.share
}

// recompute is backward that records one block at a time. It keeps what went into each block, computes the block again, and from the gradient of what comes out
// of it that of what went in.
func (g *graph) recompute(s *scope) value {
	inputs := []value{g.embed(s)}
	for i := range g.config.Depth {
		inputs = append(inputs, g.block(s, inputs[i], i))
	}
	// part computes one part again, and replaces the gradient of what comes out of it by that of what went in.
	var loss, gradient value
	part := func(layer int, input value, result func(s *scope, x value) value) {
		gradient = s.replace(gradient, s.keep(func(s *scope) value {
			x := s.asLeaf(input, g.learnsUpTo(layer-1))
			var root value
			s.record(func() { root = result(s, x) })
			return g.differentiate(s, root, x, g.learnsUpTo(layer-1), func(v *variable) bool { return g.layer(v) == layer || v.param.Name == sharedTable })
		}))
		s.free(input)
	}
	part(g.config.Depth+1, inputs[g.config.Depth], func(inner *scope, x value) value {
		result := g.loss(inner, x)
		loss = s.copyTo(result, g.device, g.dtype)
		return result
	})
	for i := g.config.Depth - 1; i >= 0 && g.learnsUpTo(i+1); i-- {
		part(i+1, inputs[i], func(s *scope, x value) value { return s.total(s.product(g.block(s, x, i), gradient)) })
	}
	if g.learnsUpTo(0) {
		var root value
		s.record(func() { root = s.total(s.product(g.embed(s), gradient)) })
		g.differentiate(s, root, value{}, false, func(v *variable) bool { return g.layer(v) == 0 })
	}
	return loss
}

// layer returns the layer that a variable belongs to: 0 is before the first block, Depth + 1 behind the last.
func (g *graph) layer(v *variable) int { return g.config.Layer(v.param.Name) }

// learnsUpTo reports whether a variable of a layer up to that one is trained, or the table that all blocks share, for which gradients go through all.
func (g *graph) learnsUpTo(layer int) bool {
	return slices.ContainsFunc(g.variables, func(v *variable) bool {
		return !v.frozen && (g.layer(v) <= layer || v.param.Name == sharedTable && layer > 0)
	})
}

// differentiate adds the gradients of a number with respect to some variables to those that wait, and returns that with respect to x, if it is wanted.
func (g *graph) differentiate(s *scope, of, x value, wanted bool, some func(*variable) bool) value {
	var learning []*variable
	var leaves []value
	for _, v := range g.variables {
		if !v.frozen && some(v) {
			learning, leaves = append(learning, v), append(leaves, v.leaf)
		}
	}
	if wanted {
		leaves = append(leaves, x)
	}
	return s.keep(func(s *scope) (own value) {
		gradients := s.gradients(of, leaves)
		for i, v := range learning {
			switch {
			case s.err != nil || gradients[i] == (value{}):
			case v.gradient == (value{}):
				v.gradient = gradients[i]
				g.waiting.move(s, gradients[i])
			default:
				s.add(v.gradient, gradients[i])
			}
		}
		if wanted {
			own = gradients[len(gradients)-1]
		}
		return own
	})
}
