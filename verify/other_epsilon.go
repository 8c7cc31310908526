package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
)

const (
	// noticed is how many times the measured noise the root mean square of the differences of logits must be for other epsilons to be tried.
	noticed = 1.5
	// explained is the part of it that another epsilon must leave at most. Correct programs, whose differences point elsewhere, are left with more than all of it.
	explained = 0.5
	// enoughLogits is the number of logits from which on rounding does not point where an epsilon does by chance.
	enoughLogits = 24
)

// candidate is an epsilon that another program may have, in all LayerNorms or in the last one alone, which programs make by themselves.
type candidate struct {
	epsilon float64
	last    bool
}

// otherEpsilon is a candidate that leaves logits much nearer to the reference. with and without are how far they are with it and with the model's own, in float64, and noise
// is the root mean square of what rounding leaves.
type otherEpsilon struct {
	candidate
	with, without drift.Distance
	noise         float64
}

// tryEpsilons fails logits that are all that a reference in float32 has, and that are within the tolerance, if another usual epsilon, of all norms or of the last, explains
// most of their difference. That an epsilon is another one is the mistake with the smallest effect that is known, and logits alone hardly show it, while its effect has a
// direction that rounding does not have. It is not tried if the model's epsilon is known, and is what the reference states.
func (v *verification) tryEpsilons(ctx context.Context, r *Result) error {
	if !v.epsilonDoubtful(r) {
		return nil
	}
	m := v.meterOf(logits)
	without, noise := m.exactly.Distance(), v.precision.Scale*m.noise.Distance().RMS
	if without.NonFinite > 0 || without.RMS <= noticed*noise {
		return nil
	}
	v.phase(Doubting)
	candidates := v.candidates()
	meters, err := v.logitsWith(ctx, candidates)
	if err != nil {
		return err
	}
	for i, d := range candidates {
		with := meters[i].Distance()
		if with.RMS < explained*without.RMS && (v.epsilon == nil || with.RMS < v.epsilon.with.RMS) {
			v.epsilon = &otherEpsilon{d, with, without, noise}
		}
	}
	if v.epsilon == nil {
		return nil
	}
	t := &r.Taps[0]
	t.OK, t.ToleranceRMS = false, min(t.RMS*0.99, noticed*noise)
	t.Tolerance = min(t.MaxAbs*0.99, max(t.MaxAbs*t.ToleranceRMS/t.RMS, 1.2*v.epsilon.with.MaxAbs))
	r.OK, r.FirstDivergence, r.Tolerance = false, t.Name, t.Tolerance
	return nil
}

// epsilonDoubtful reports whether logits within their tolerance are all that the reference has, in float32, and nothing says that its epsilon is the model's.
func (v *verification) epsilonDoubtful(r *Result) bool {
	if !r.OK || len(r.Taps) != 1 || r.Taps[0].Name != logits || r.MaxAbs == 0 || v.subject.Config.Kind != arch.Transformer {
		return false
	}
	if v.reference.isOracle() || v.reference.weights != nil || v.origin.DType != tensor.F32 || v.precision.DType != tensor.F32 || len(v.held) > 0 {
		return false
	}
	count, err := r.Taps[0].Shape.Elements()
	return err == nil && count >= enoughLogits && (v.subject.EpsilonGuessed || v.reference.Epsilon != v.subject.Config.Epsilon)
}

// candidates returns the epsilons that programs use, and the one that the reference states, without the model's own: of all norms, and of the last.
func (v *verification) candidates() (all []candidate) {
	for _, last := range []bool{false, true} {
		for _, epsilon := range []float64{v.reference.Epsilon, arch.EpsilonHF, arch.Epsilon, 1e-5} {
			d := candidate{epsilon, last}
			if epsilon > 0 && epsilon != v.subject.Config.Epsilon && !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

// logitsWith measures for each candidate how far the logits are from the reference's, in float64.
func (v *verification) logitsWith(ctx context.Context, candidates []candidate) ([]drift.Meter, error) {
	meters, lanes := make([]drift.Meter, len(candidates)), make([]*lane, len(candidates))
	for i, d := range candidates {
		config := v.subject.Config
		config.Epsilon = d.epsilon
		var err error
		if lanes[i], err = v.newLane(config, v.subject.Weights, v.exact.dtype); err != nil {
			return nil, err
		}
	}
	return meters, v.batches(func(from, to int) error {
		b, err := v.newBatch(ctx, from, to)
		if err != nil {
			return err
		}
		defer b.close()
		return b.measureLogits(ctx, candidates, lanes, meters)
	})
}

// measureLogits computes the images of a batch, and measures how far each candidate is from the reference's logits. Those about the last norm go on from what the model's own
// blocks compute.
func (b *batch) measureLogits(ctx context.Context, candidates []candidate, lanes []*lane, meters []drift.Meter) error {
	own := b.exact
	b.add(own)
	for i, d := range candidates {
		if !d.last {
			b.add(lanes[i])
		}
	}
	for _, stages := range partsOf(b.verification.subject.Config) {
		if stages[0].Kind == engine.Pool {
			for i, d := range candidates {
				if d.last {
					b.walks[lanes[i]] = b.walks[own].fork(lanes[i])
				}
			}
		}
		for l := range b.walks {
			if err := b.loadLanes(stages[0], l); err != nil {
				return err
			}
		}
		acts, err := b.activations(ctx, stages)
		if err != nil {
			return err
		}
		if stages[0].Kind != engine.Logits {
			continue
		}
		for i, l := range lanes {
			meters[i].Add(b.walks[l].now[0].Values, acts.want[0].Values)
		}
	}
	return nil
}

// finding returns what is said of it.
func (o *otherEpsilon) finding(t Tap, own float64) blame.Finding {
	of, all := "the LayerNorm epsilon", o.epsilon
	if o.last {
		of, all = "the epsilon of the last norm", 0 // a model has one for all norms
	}
	return blame.Finding{
		Stage: blame.WholeModel, Hypothesis: "epsilon", Side: blame.Program, Epsilon: all,
		Distance: o.with.MaxAbs, Without: o.without.MaxAbs, Tolerance: t.Tolerance,
		Sentence: fmt.Sprintf("the model agrees better with the reference if %s is %g, not %g: that leaves %.2g of the root mean square of the differences, "+
			"which is %.2g times rounding, within the usual tolerance, so it could be something else", of, o.epsilon, own, o.with.RMS/o.without.RMS, o.without.RMS/o.noise),
	}
}
