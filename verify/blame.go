package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// blame looks for the reason of the first divergence and writes it to r.
func (v *verification) blame(ctx context.Context, r *Result) error {
	first, err := engine.ParseStage(r.FirstDivergence)
	if err != nil {
		return err
	}
	if v.reference.weights != nil {
		r.Blame, err = v.differing(first)
		if r.Blame != "" || err != nil {
			return err
		}
	}
	c, err := v.example(ctx, r, first)
	if err != nil {
		return err
	}
	search, err := blame.NewSearch(v.subject.Config, v.subject.Weights)
	if err != nil {
		return fmt.Errorf("looking for the reason: %w", err)
	}
	findings, err := search.Find(ctx, *c)
	if err != nil {
		return fmt.Errorf("looking for the reason: %w", err)
	}
	epsilon := v.reference.Epsilon
	if len(findings) > 0 {
		finding := findings[0]
		r.Findings = append(r.Findings, findings...)
		r.Blame, r.Advice = finding.Sentence, Advice{Epsilon: finding.Epsilon, Stated: finding.Epsilon == epsilon && epsilon != 0}
		if finding.Hypothesis == blame.Healthy {
			r.Blame += v.nativeAgrees()
		}
	}
	if epsilon != 0 && epsilon != v.subject.Config.Epsilon && r.Advice.Epsilon == 0 {
		r.Blame = strings.TrimPrefix(r.Blame+fmt.Sprintf("; the reference ran with LayerNorm epsilon %g, the model with %g", epsilon, v.subject.Config.Epsilon), "; ")
		r.Advice = Advice{Epsilon: epsilon, Stated: true}
	}
	return nil
}

// nativeAgrees returns how the message continues if the native engine computes the stage as the reference does.
func (v *verification) nativeAgrees() string {
	if v.native {
		return ": the difference comes from an earlier stage, which the reference does not have"
	}
	return fmt.Sprintf(": the %s engine does not", v.subject.Engine.Name())
}

// example runs the reference again, on the image that differs most, and returns the first activation that differs and the one before it.
func (v *verification) example(ctx context.Context, r *Result, first engine.Stage) (*blame.Case, error) {
	image := v.firstBad(r)
	input, err := v.beside.input(image, image+1)
	if err != nil {
		return nil, err
	}
	c := &blame.Case{Input: input}
	for _, t := range r.Taps {
		if t.Name == r.FirstDivergence {
			c.Limit.Max = t.Tolerance
		}
	}
	run := func(ctx context.Context, tap engine.Tap) error { return v.beside.run(ctx, image, image+1, input, tap) }
	if v.reference.isOracle() {
		run = forward(v.oracle(), input)
	}
	before, exists := first.Before(v.subject.Config.Depth)
	return c, run(ctx, func(a engine.Activation) error {
		switch {
		case exists && a.Name == before.String():
			c.Before = &a
		case a.Name == r.FirstDivergence:
			c.After = a
		case first.Kind == engine.Block && a.Name == (engine.Stage{Kind: engine.Attention, Block: first.Block}).String():
			c.Branch = &a
		}
		return nil
	})
}

// oracle returns the model that the native engine computes in float64.
func (v *verification) oracle() engine.Model {
	if v.exact == nil {
		return v.model
	}
	return v.exact
}

// firstBad returns the index of the image in which the first divergence is largest.
func (v *verification) firstBad(r *Result) int {
	for _, t := range r.Taps {
		if t.Name != r.FirstDivergence {
			continue
		}
		one := 1
		for _, n := range t.Shape[1:] {
			one *= n
		}
		return t.At / one
	}
	return 0
}

// differing returns a sentence that names the parameters of stage first that differ between both checkpoints, or "". For a stage outside of the blocks it
// compares all parameters.
func (v *verification) differing(first engine.Stage) (string, error) {
	others := make(map[string]tensor.View, len(v.reference.weights))
	for _, w := range v.reference.weights {
		others[w.Name] = w.View
	}
	var names []string
	for _, w := range v.subject.Weights {
		if first.InBlock() && !first.Reads(w.Name) {
			continue
		}
		other, found := others[w.Name]
		if !found || !other.Shape.Equal(w.Shape) {
			continue
		}
		distance, err := apart(w.View, other)
		if err != nil {
			return "", fmt.Errorf("comparing %s: %w", w.Name, err)
		}
		if distance.MaxAbs > 0 {
			names = append(names, fmt.Sprintf("%s (by up to %.3g)", w.Name, distance.MaxAbs))
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	return "the checkpoints differ in " + text.List(names, 4, ""), nil
}

// apart returns the distance of two tensors of the same shape.
func apart(a, b tensor.View) (drift.Distance, error) {
	x, err := tensor.Float64s(a)
	if err != nil {
		return drift.Distance{}, err
	}
	y, err := tensor.Float64s(b)
	if err != nil {
		return drift.Distance{}, err
	}
	return drift.Compare(x, y), nil
}
