package blame

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Case is a stage that differs.
type Case struct {
	Config  arch.Config
	Weights []tensor.Named
	// Input is the input of model and reference.
	Input engine.Input
	// After is the reference's activation of the stage, whose name it has. Before is the reference's activation of the stage before, or nil if the
	// reference does not have it or the stage is Embed.
	Before *engine.Activation
	After  engine.Activation
	// Tolerance is the largest absolute difference from After that counts as rounding.
	Tolerance float64
}

// Find tries the hypotheses. It returns nil without an error if none of them explains the difference. If After has a name that no stage has, the error is
// an *engine.UnknownStageError; other errors are those of the native engine.
func Find(ctx context.Context, c Case) (*Finding, error) {
	stage, err := engine.ParseStage(c.After.Name)
	if err != nil {
		return nil, err
	}
	if name := nonFinite(c, stage); name != "" {
		return &Finding{
			Stage: c.After.Name, Hypothesis: "non-finite", Side: Checkpoint, Tensors: []string{name}, Sentence: fmt.Sprintf("parameter %s holds NaN or infinity", name),
			Distance: math.Inf(1), Without: math.Inf(1), Tolerance: c.Tolerance,
		}, nil
	}
	without, err := newTrial(c, stage).distance(ctx, c)
	if err != nil {
		return nil, err
	}
	if without <= c.Tolerance {
		return &Finding{
			Stage: c.After.Name, Hypothesis: Healthy, Distance: without, Without: without, Tolerance: c.Tolerance,
			Sentence: fmt.Sprintf("the native engine computes %s as the reference does, from the same weights", stage),
		}, nil
	}
	return search(ctx, c, stage, without)
}

// search returns the hypothesis with the smallest distance, if that is within the tolerance. If whole models have to be run, which takes long, it tries only
// the likely ones, and returns the first within the tolerance.
func search(ctx context.Context, c Case, stage engine.Stage, without float64) (*Finding, error) {
	var best *Finding
	for i, h := range slices.Concat(likely, others) {
		t := newTrial(c, stage)
		if t.whole && i >= len(likely) {
			break
		}
		if !t.whole && !h.concerns(stage) || !h.apply(t) {
			continue
		}
		distance, err := t.distance(ctx, c)
		if err != nil {
			return nil, err
		}
		if distance > c.Tolerance || distance >= without || best != nil && distance >= best.Distance {
			continue
		}
		best = &Finding{Stage: t.place(), Hypothesis: h.name, Sentence: t.sentence(h), Epsilon: t.epsilon, Distance: distance, Without: without, Tolerance: c.Tolerance}
		if t.whole {
			break
		}
	}
	return best, nil
}

// distance returns how far the result of the trial is from the reference.
func (t *trial) distance(ctx context.Context, c Case) (float64, error) {
	got, err := t.run(ctx)
	if err != nil {
		return 0, err
	}
	if len(got.Values) != len(c.After.Values) {
		return math.Inf(1), nil
	}
	return drift.Compare(got.Values, c.After.Values).MaxAbs, nil
}

// run computes the stage alone, or the whole model.
func (t *trial) run(ctx context.Context) (found engine.Activation, err error) {
	if !t.whole {
		return t.engine.Stage(ctx, t.config, t.weights, t.stage, t.input, t.before)
	}
	model, err := t.engine.Load(ctx, t.config, t.weights, engine.Options{DType: tensor.F64})
	if err != nil {
		return found, err
	}
	_, err = model.Forward(ctx, t.input, func(a engine.Activation) error {
		if a.Name == t.stage.String() {
			found = a
		}
		return nil
	})
	return found, errors.Join(err, model.Close())
}

// nonFinite returns the name of a parameter of the stage that holds NaN or infinity, or "".
func nonFinite(c Case, stage engine.Stage) string {
	t := newTrial(c, stage)
	for _, w := range c.Weights {
		if !t.covers(w.Name) {
			continue
		}
		values, err := tensor.Float64s(w.View)
		if err == nil && slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			return w.Name
		}
	}
	return ""
}
