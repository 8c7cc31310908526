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
			s.within(func(s *scope) { v.step(s, update) })
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

// step is torch.optim.AdamW's, of one parameter (pytorch/pytorch torch/optim/adam.py, _single_tensor_adam), but for the order in which a few numbers are multiplied.
func (v *variable) step(s *scope, u engine.Update) {
	rate, decay := u.Rates[v.at], u.Decays[v.at]
	s.lerp(v.first, v.gradient, 1-u.Beta1)
	s.lerp(v.second, s.square(v.gradient), 1-u.Beta2)
	if rate == 0 {
		return
	}
	if decay != 0 {
		s.scale(v.leaf, 1-rate*decay)
	}
	// rate / c1 * first / (sqrt(second / c2) + epsilon), where c1 and c2 make up for averages that began at 0
	c1, c2 := 1-math.Pow(u.Beta1, float64(u.Step)), 1-math.Pow(u.Beta2, float64(u.Step))
	divisor := s.call("sqrt", func(out *libtch.Ctensor) { libtch.AtgSqrt(out, v.second.c) })
	s.scale(divisor, -c1/rate/math.Sqrt(c2))
	s.plus(divisor, -c1/rate*u.Epsilon)
	s.call("addcdiv_", func(out *libtch.Ctensor) { libtch.AtgAddcdiv_(out, v.leaf.c, v.first.c, divisor.c) })
}

// lerp moves x towards y by a part of their distance, in place.
func (s *scope) lerp(x, y value, part float64) {
	s.number("lerp_", part, func(out *libtch.Ctensor, number libtch.Cscalar) { libtch.AtgLerp_(out, x.c, y.c, number) })
}
