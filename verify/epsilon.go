package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// weighEpsilon weighs findings that the LayerNorm epsilon is another one against what else is known of it: whether the model's is a guess, and whether
// the other stages agree with the same one. There is one epsilon for all norms of a model.
func (v *verification) weighEpsilon(ctx context.Context, findings []blame.Finding) error {
	own := v.subject.Config.Epsilon
	for i := range findings {
		f := &findings[i]
		if f.Epsilon == 0 {
			continue
		}
		fits, err := v.fitsElsewhere(ctx, f.Epsilon, f.Stages)
		switch {
		case err != nil:
			return err
		case !fits:
			f.Epsilon = 0
			f.Sentence += fmt.Sprintf(", there alone: the other stages agree with %g only", own)
			f.Advice = fmt.Sprintf("give all norms the same epsilon, %g", own)
		case v.subject.EpsilonGuessed && f.Epsilon == v.reference.Epsilon:
			f.Side = ""
			f.Sentence += fmt.Sprintf(": the reference states %g, and %g is a guess", f.Epsilon, own)
		}
	}
	return nil
}

// fitsElsewhere reports whether the stages that agree with the reference by themselves, but for those with these names, do so with another epsilon, too.
func (v *verification) fitsElsewhere(ctx context.Context, epsilon float64, but []string) (bool, error) {
	meters := map[string]*localMeter{}
	for _, m := range v.taps {
		if stage, err := engine.ParseStage(m.name); err == nil && m.local != nil && m.local.verdict().OK && !slices.Contains(but, m.name) {
			meters[m.name] = &localMeter{limits: v.limitsOf(stage.Kind)}
		}
	}
	config := v.subject.Config
	config.Epsilon = epsilon
	exact, err := v.newLane(config, v.subject.Weights, v.exact.dtype)
	if err != nil {
		return false, err
	}
	rough, err := v.newLane(config, v.subject.Weights, v.rough.dtype)
	if err != nil {
		return false, err
	}
	if err := v.batches(func(from, to int) error { return v.meterAlone(ctx, from, to, exact, rough, meters) }); err != nil {
		return false, err
	}
	for _, m := range meters {
		if m.count > 0 && !m.verdict().OK {
			return false, nil
		}
	}
	return true, nil
}

// meterAlone measures single stages of the images [from, to), those that have meters, as other lanes compute them.
func (v *verification) meterAlone(ctx context.Context, from, to int, exact, rough *lane, meters map[string]*localMeter) error {
	return v.replay(ctx, from, to, func(b *batch, stages []engine.Stage, want []*engine.Activation) error {
		if !slices.ContainsFunc(stages, func(s engine.Stage) bool { return meters[s.String()] != nil }) {
			return nil
		}
		if err := b.loadLanes(stages[0], exact, rough); err != nil {
			return err
		}
		local, err := b.localActivations(ctx, stages, want, exact, rough)
		if err != nil || local == nil {
			return err
		}
		for i, stage := range stages {
			if meter := meters[stage.String()]; meter != nil && want[i] != nil {
				meter.add(from, want[i], local.exact[i].Values, local.rough[i].Values)
			}
		}
		return nil
	})
}
