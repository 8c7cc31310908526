//go:build libtorch

package torch

import (
	"context"
	"math"
	"slices"
	"unsafe"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/internal/parallel"
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
			s.within(func(s *scope) { v.step(s, update, &l.machine) })
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

// step updates a parameter: on a CPU in one pass over its memory, elsewhere with an operator after the other.
func (v *variable) step(s *scope, u engine.Update, m *machine) {
	switch rule := newRule(u, u.Rates[v.at], u.Decays[v.at]); {
	case m.device != cpu:
		v.operators(s, rule)
	case m.dtype == float64s:
		inOnePass[float64](s, v, rule, m.threads)
	default:
		inOnePass[float32](s, v, rule, m.threads)
	}
}

// newRule returns torch.optim.AdamW's rule, of one parameter (pytorch/pytorch torch/optim/adam.py, _single_tensor_adam), but for the order in which a few numbers are
// multiplied: the parameter moves by -rate / c1 * first / (sqrt(second / c2) + epsilon), where c1 and c2 make up for averages that began at 0.
func newRule(u engine.Update, rate, decay float64) elementary.Adam {
	c1, c2 := 1-math.Pow(u.Beta1, float64(u.Step)), 1-math.Pow(u.Beta2, float64(u.Step))
	return elementary.Adam{
		ToFirst: 1 - u.Beta1, ToSecond: 1 - u.Beta2, Kept: 1 - rate*decay, Scale: -c1 / rate / math.Sqrt(c2), Shift: -c1 / rate * u.Epsilon, Still: rate == 0,
	}
}

// operators applies a rule with libtorch's operators.
func (v *variable) operators(s *scope, r elementary.Adam) {
	s.lerp(v.first, v.gradient, r.ToFirst)
	s.lerp(v.second, s.square(v.gradient), r.ToSecond)
	if r.Still {
		return
	}
	if r.Kept != 1 {
		s.scale(v.leaf, r.Kept)
	}
	divisor := s.call("sqrt", func(out *libtch.Ctensor) { libtch.AtgSqrt(out, v.second.c) })
	s.scale(divisor, r.Scale)
	s.plus(divisor, r.Shift)
	s.call("addcdiv_", func(out *libtch.Ctensor) { libtch.AtgAddcdiv_(out, v.leaf.c, v.first.c, divisor.c) })
}

// inOnePass applies a rule to a variable in the CPU's memory, whose elements are T. Each is read and written once, which no sequence of operators does.
func inOnePass[T float32 | float64](s *scope, v *variable, r elementary.Adam, threads int) {
	elements, err := v.param.Shape.Elements()
	s.fail(err)
	gradient := s.reshape(v.gradient, -1) // row-major, as the others are
	var memory [4][]T
	for i, x := range []value{v.leaf, gradient, v.first, v.second} {
		raw := s.bytes(x, int(elements)*int(unsafe.Sizeof(T(0))))
		if s.err != nil {
			return
		}
		memory[i] = unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), elements)
	}
	const chunk = 1 << 15
	_ = parallel.Chunks(context.Background(), threads, int(elements), chunk, func(_, from, to int) { // which does not end
		elementary.Step(r, memory[0][from:to], memory[1][from:to], memory[2][from:to], memory[3][from:to])
	})
}

// lerp moves x towards y by a part of their distance, in place.
func (s *scope) lerp(x, y value, part float64) {
	s.number("lerp_", part, func(out *libtch.Ctensor, number libtch.Cscalar) { libtch.AtgLerp_(out, x.c, y.c, number) })
}
