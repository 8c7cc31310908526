package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// blame looks for the reason of the first divergence.
func (v *verification) blame(ctx context.Context, r *Result) error {
	if a, another := v.reference.(against); another {
		found, err := v.differing(a, r.FirstDivergence)
		r.Blame = found
		if found != "" || err != nil {
			return err
		}
	}
	c, err := v.example(ctx, r)
	if err != nil {
		return err
	}
	finding, err := blame.Find(ctx, *c)
	if err != nil {
		return fmt.Errorf("looking for the reason: %w", err)
	}
	if finding != nil {
		r.Blame, r.Advice = finding.Sentence, finding.Advice
		if finding.Name == blame.Healthy {
			r.Blame += v.healthy()
		}
	}
	if epsilon := v.origin.Epsilon; epsilon != 0 && epsilon != v.subject.Config.Epsilon && r.Advice == "" {
		r.Blame = strings.TrimPrefix(r.Blame+fmt.Sprintf("; the reference ran with LayerNorm epsilon %g, the model with %g", epsilon, v.subject.Config.Epsilon), "; ")
		r.Advice = fmt.Sprintf("pass --epsilon %g", epsilon)
	}
	return nil
}

// healthy completes the sentence that the native engine agrees.
func (v *verification) healthy() string {
	if v.subject.Engine == engine.Engine(native.Engine{}) {
		return ": the difference comes from an earlier stage, which the reference does not have"
	}
	return fmt.Sprintf(": the %s engine does not", v.subject.Engine.Name())
}

// example runs the reference once more, on one image, for the activation that differs first and the one before it.
func (v *verification) example(ctx context.Context, r *Result) (*blame.Case, error) {
	image := v.firstBad(r)
	input, err := v.source.Input(image, image+1)
	if err != nil {
		return nil, err
	}
	c := &blame.Case{Config: v.subject.Config, Weights: v.subject.Weights, Input: input}
	for _, t := range r.Taps {
		if t.Name == r.FirstDivergence {
			c.Tolerance = t.Tolerance
		}
	}
	before := stageBefore(r.FirstDivergence, v.subject.Config.Depth)
	run := func(ctx context.Context, tap engine.Tap) error { return v.source.Run(ctx, image, image+1, input, tap) }
	if _, isOracle := v.reference.(oracle); isOracle {
		run = forward(v.oracle(), input)
	}
	return c, run(ctx, func(a engine.Activation) error {
		switch a.Name {
		case before:
			c.Before = &a
		case r.FirstDivergence:
			c.After = a
		}
		return nil
	})
}

// oracle is the native engine in float64.
func (v *verification) oracle() engine.Model {
	if v.exact == nil {
		return v.model
	}
	return v.exact
}

// firstBad is the image in which the first divergence is largest.
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

// stageBefore names the activation from which a stage is computed, or nothing for embed.
func stageBefore(stage string, depth int) string {
	last := "embed"
	if depth > 0 {
		last = fmt.Sprintf("blocks.%d", depth-1)
	}
	var i int
	switch _, err := fmt.Sscanf(stage, "blocks.%d", &i); {
	case stage == "logits":
		return "pool"
	case stage == "pool":
		return last
	case err != nil:
		return ""
	case i == 0:
		return "embed"
	}
	return fmt.Sprintf("blocks.%d", i-1)
}

// differing names the parameters at the diverging stage that differ between both checkpoints.
func (v *verification) differing(a against, stage string) (string, error) {
	held := make(map[string]tensor.View, len(a.weights))
	for _, w := range a.weights {
		held[w.Name] = w.View
	}
	prefix := strings.TrimSuffix(stage, ".attn") + "."
	var names []string
	for _, w := range v.subject.Weights {
		if strings.HasPrefix(stage, "blocks.") && !strings.HasPrefix(w.Name, prefix) {
			continue
		}
		other, found := held[w.Name]
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
	const shown = 4
	text := strings.Join(names[:min(shown, len(names))], ", ")
	if len(names) > shown {
		text += fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return "the checkpoints differ in " + text, nil
}

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
