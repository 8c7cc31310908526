//go:build libtorch

package torch

import (
	"context"
	"math"
	"slices"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// AdamW is written out, and libtorch's own class is not used: of that class gotch can't read the averages, which a training that is resumed needs, nor does it
// know their decay by group or the number of the step.

// Update implements [engine.Learner].
func (l *learner) Update(ctx context.Context, update engine.Update) (norm float64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = l.run(func(s *scope) {
		defer l.forget()
		waiting := l.learning()
		var bad *engine.GradientError
		if norm, bad = l.norm(s, waiting); bad.Bad > 0 {
			s.fail(bad)
		}
		if s.err != nil {
			return
		}
		if update.Clip > 0 && norm > update.Clip {
			for _, v := range waiting {
				s.scale(v.gradient, update.Clip/(norm+1e-6))
			}
		}
		for _, v := range waiting {
			s.within(func(s *scope) { v.step(s, update, l.device) })
		}
		for _, v := range l.variables {
			if v.average != (value{}) {
				s.lerp(v.average, v.leaf, 1-update.Average)
			}
		}
	})
	return norm, err
}

// learning returns the variables whose gradients wait.
func (l *learner) learning() []*variable {
	return slices.DeleteFunc(slices.Clone(l.variables), func(v *variable) bool { return v.gradient == value{} })
}

// norm returns the norm of the gradients of some variables together, and which are not finite.
func (l *learner) norm(s *scope, of []*variable) (float64, *engine.GradientError) {
	bad := &engine.GradientError{All: len(of)}
	if len(of) == 0 {
		return 0, bad
	}
	var norms []float64
	s.within(func(s *scope) {
		var each []value
		for _, v := range of {
			each = append(each, s.keep(func(s *scope) value { return s.norm(v.gradient) }))
		}
		norms = s.read(s.concatenate(0, each...), len(each))
	})
	squares := 0.0
	for i, norm := range norms {
		if !finite(norm) {
			bad.Bad++
			bad.First = of[i].param.Name // the last in the order of the forward pass comes first on the way back
		}
		squares += norm * norm
	}
	return math.Sqrt(squares), bad
}

func finite(x float64) bool { return x-x == 0 }

// partSize is how many elements of a parameter an update computes with at once on a CPU: the parameter, its averages, the gradient and what is computed between then
// stay in the cache, through all operations.
const partSize = 1 << 17

// step updates a parameter.
func (v *variable) step(s *scope, u engine.Update, device device) {
	elements, err := v.param.Shape.Elements()
	s.fail(err)
	whole := moment{leaf: s.reshape(v.leaf, -1), gradient: s.reshape(v.gradient, -1), first: s.reshape(v.first, -1), second: s.reshape(v.second, -1)}
	size := int64(elements)
	if device == cpu {
		size = partSize
	}
	for from := int64(0); from < int64(elements); from += size {
		s.within(func(s *scope) {
			whole.part(s, from, min(size, int64(elements)-from)).step(s, u, u.Rates[v.at], u.Decays[v.at])
		})
	}
}

// moment is a parameter, or a part of it, in an update: [n] each.
type moment struct{ leaf, gradient, first, second value }

// part returns n elements, which are the same memory.
func (m moment) part(s *scope, from, n int64) moment {
	return moment{s.narrow(m.leaf, 0, from, n), s.narrow(m.gradient, 0, from, n), s.narrow(m.first, 0, from, n), s.narrow(m.second, 0, from, n)}
}

// step is torch.optim.AdamW's, of one parameter (pytorch/pytorch torch/optim/adam.py, _single_tensor_adam), but for the order in which a few numbers are multiplied.
func (m moment) step(s *scope, u engine.Update, rate, decay float64) {
	s.lerp(m.first, m.gradient, 1-u.Beta1)
	s.lerp(m.second, s.square(m.gradient), 1-u.Beta2)
	if rate == 0 {
		return
	}
	if decay != 0 {
		s.scale(m.leaf, 1-rate*decay)
	}
	// rate / c1 * first / (sqrt(second / c2) + epsilon), where c1 and c2 make up for averages that began at 0
	c1, c2 := 1-math.Pow(u.Beta1, float64(u.Step)), 1-math.Pow(u.Beta2, float64(u.Step))
	divisor := s.call("sqrt", func(out *libtch.Ctensor) { libtch.AtgSqrt(out, m.second.c) })
	s.scale(divisor, -c1/rate/math.Sqrt(c2))
	s.plus(divisor, -c1/rate*u.Epsilon)
	s.call("addcdiv_", func(out *libtch.Ctensor) { libtch.AtgAddcdiv_(out, m.leaf.c, m.first.c, divisor.c) })
}

// lerp moves x towards y by a part of their distance, in place.
func (s *scope) lerp(x, y value, part float64) {
	s.number("lerp_", part, func(out *libtch.Ctensor, number libtch.Cscalar) { libtch.AtgLerp_(out, x.c, y.c, number) })
}
