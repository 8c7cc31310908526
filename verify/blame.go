package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// blame looks for the reasons of all stages that differ by themselves, and writes them to r. If the reference is a checkpoint, the parameters that differ are
// named too.
func (v *verification) blame(ctx context.Context, r *Result) error {
	v.phase(Searching)
	if taps, err := v.tappedElsewhere(r); err != nil || taps != nil {
		if taps != nil {
			r.Findings, r.Blame = []blame.Finding{*taps}, taps.Sentence
		}
		return err
	}
	damaged := v.damaged()
	suspects := v.undamaged(guilty(r))
	differing, err := v.blameCheckpoint(suspects)
	if err != nil {
		return err
	}
	if r.Findings, err = v.search(ctx, r, suspects); err != nil {
		return err
	}
	if n := len(r.Findings); n > 0 && r.Findings[0].Hypothesis == blame.Healthy && len(differing) > 0 {
		r.Findings = r.Findings[1:] // it is not: the other checkpoint shows what is wrong
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f blame.Finding) bool { return f.Hypothesis == blame.Unexplained && about(differing, f.Stage) })
	r.Findings = inOrder(slices.Concat(r.Findings, differing, damaged))
	if err := v.weighEpsilon(ctx, r.Findings); err != nil {
		return err
	}
	epsilon := v.reference.Epsilon
	if len(r.Findings) > 0 {
		first := r.Findings[0]
		r.Blame, r.Advice = first.Sentence, Advice{Epsilon: first.Epsilon, Stated: first.Epsilon == epsilon && epsilon != 0}
	}
	if epsilon != 0 && epsilon != v.subject.Config.Epsilon && r.Advice.Epsilon == 0 {
		r.Blame = strings.TrimPrefix(r.Blame+fmt.Sprintf("; the reference ran with LayerNorm epsilon %g, the model with %g", epsilon, v.subject.Config.Epsilon), "; ")
		r.Advice = Advice{Epsilon: epsilon, Stated: true}
	}
	return nil
}

// about reports whether a finding is about a stage.
func about(findings []blame.Finding, stage string) bool {
	return slices.ContainsFunc(findings, func(f blame.Finding) bool { return f.Stage == stage })
}

// search looks for the reasons of taps, and remarks in r how far it went.
func (v *verification) search(ctx context.Context, r *Result, suspects []Tap) ([]blame.Finding, error) {
	if kind := v.subject.Config.Kind; kind != arch.Transformer && kind != arch.UPerNet {
		return v.searchStages(ctx, r, suspects)
	}
	search, err := blame.NewSearch(v.subject.Config, v.subject.Weights)
	if err != nil {
		return nil, fmt.Errorf("looking for the reason: %w", err)
	}
	v.setEffort(search)
	found, searched := make([][]blame.Finding, len(suspects)), 0
	for vain := 0; searched < len(suspects) && vain < mostUnexplained; searched++ {
		if found[searched], err = v.find(ctx, search.Find, suspects[searched]); err != nil {
			return nil, err
		}
		if !explains(found[searched]) {
			vain++
		}
	}
	if err := v.searchAgain(ctx, search, suspects, found); err != nil {
		return nil, err
	}
	remarkStages(r, suspects[searched:], found[searched:])
	remarkSearch(r, search)
	var vain []blame.Finding
	for i, t := range suspects[:searched] {
		if len(found[i]) == 0 {
			vain = append(vain, v.unexplained(t, search))
		}
	}
	if absent := v.absent(vain); absent != nil {
		vain = []blame.Finding{*absent}
	}
	return blame.Merge(append(slices.Concat(found...), vain...), v.subject.Config.Depth), nil
}

// searchAgain looks once more for the reasons of taps that have none but other values of a vector, among those that were found at others.
func (v *verification) searchAgain(ctx context.Context, search *blame.Search, suspects []Tap, found [][]blame.Finding) error {
	for i, t := range suspects {
		if explains(found[i]) && !slices.ContainsFunc(found[i], blame.Finding.Arbitrary) {
			continue
		}
		findings, err := v.find(ctx, search.Again, t)
		if err != nil {
			return err
		}
		if len(findings) > 0 {
			found[i] = findings
		}
	}
	return nil
}

// explains reports whether findings have a reason.
func explains(findings []blame.Finding) bool {
	return len(findings) > 0 && findings[0].Hypothesis != blame.Unexplained
}

// inOrder sorts findings in the order of the forward pass, those of the whole model first.
func inOrder(findings []blame.Finding) []blame.Finding {
	slices.SortStableFunc(findings, func(a, b blame.Finding) int {
		first, errA := engine.ParseStage(a.Stage)
		second, errB := engine.ParseStage(b.Stage)
		switch {
		case errA != nil && errB != nil:
			return 0
		case errA != nil:
			return -1
		case errB != nil:
			return 1
		}
		return first.Compare(second)
	})
	return findings
}

// mostUnexplained is the number of stages without a reason after which no more reasons are looked for: each of them takes a full search, while a reason that
// was found is tried first at the next stage.
const mostUnexplained = 4

// guilty returns the taps that differ by themselves: the first divergence, and those after it that differ when they are computed from the reference's own
// activation. Of a block it returns the last, since its branch is looked at too.
func guilty(r *Result) (found []Tap) {
	for _, t := range r.Taps {
		first := t.Name == r.FirstDivergence
		if n := len(found); n > 0 && found[n-1].Name == t.Name+branchSuffix {
			if t.Local != nil && t.Local.OK {
				t.Local = found[n-1].Local // of what is right with the branch nothing is to be explained
			}
			found[n-1] = t
			continue
		}
		if !first && (len(found) == 0 || t.Local == nil || t.Local.OK) {
			continue
		}
		found = append(found, t)
	}
	return found
}

// branchSuffix makes the name of an attention branch of that of its block.
const branchSuffix = ".attn"

// find looks for the reasons of one tap by a method of a search. It returns none if it finds none.
func (v *verification) find(ctx context.Context, search func(context.Context, blame.Case) ([]blame.Finding, error), t Tap) ([]blame.Finding, error) {
	if t.Local != nil && t.Local.OK {
		return []blame.Finding{v.healthy(t, t.Local.MaxAbs, t.Local.Tolerance)}, nil
	}
	if v.epsilon != nil {
		return []blame.Finding{v.epsilon.finding(t, v.subject.Config.Epsilon)}, nil
	}
	c, err := v.example(ctx, t)
	if err != nil {
		return nil, err
	}
	if values := c.After.Values; len(values) > 1 && slices.Max(values) == slices.Min(values) {
		return []blame.Finding{constantRecording(t, values[0])}, nil
	}
	findings, err := search(ctx, *c)
	if err != nil {
		return nil, fmt.Errorf("looking for the reason: %w", err)
	}
	if len(findings) > 0 && findings[0].Hypothesis == blame.Healthy {
		if t.Local != nil {
			return nil, nil // it is not: what is wrong is too small to be seen in one image
		}
		return []blame.Finding{v.healthy(t, findings[0].Distance, findings[0].Tolerance)}, nil
	}
	return findings, nil
}

// healthy says that nothing is wrong with the weights at a tap, and what is.
func (v *verification) healthy(t Tap, distance, tolerance float64) blame.Finding {
	f := blame.Finding{Stage: t.Name, Hypothesis: blame.Healthy, Side: blame.Program, Distance: distance, Without: distance, Tolerance: tolerance}
	f.Sentence = fmt.Sprintf("the native engine computes %s as the reference does, from the same weights", t.Name)
	switch {
	case !v.native:
		f.Sentence += fmt.Sprintf(": the %s engine does not", v.subject.Engine.Name())
	case v.hasGap(t.Name):
		f.Sentence += ": the difference comes from an earlier stage, which the reference does not have"
	default:
		f.Sentence += ": every stage before it is within rounding too, but together they are not"
	}
	return f
}

// hasGap reports whether the reference lacks a stage of the residual stream before the one of that name, or at least the stage alone was not computed.
func (v *verification) hasGap(name string) bool {
	for _, m := range v.taps {
		if m.name == name {
			return false
		}
		stage, err := engine.ParseStage(m.name)
		if err == nil && stage.Kind != engine.Attention && m.local == nil {
			return true
		}
	}
	return false
}

// example runs the reference again, on the image that differs most, and returns its activation at a tap and the one before it.
func (v *verification) example(ctx context.Context, t Tap) (*blame.Case, error) {
	stage, err := engine.ParseStage(t.Name)
	if err != nil {
		return nil, err
	}
	from, to := v.exampleImages(worstImage(t))
	input, err := v.beside.input(from, to)
	if err != nil {
		return nil, err
	}
	c := &blame.Case{Input: input, Limit: v.limit(t.Name), BranchLimit: v.limit(t.Name + branchSuffix)}
	run := func(ctx context.Context, tap engine.Tap) error { return v.beside.run(ctx, from, to, input, tap) }
	if v.reference.isOracle() {
		run = partwise(v.exact.parts, v.subject.Config, input)
	}
	before := stage.Inputs(v.subject.Config)
	had := make([]*engine.Activation, len(before))
	err = run(ctx, func(a engine.Activation) error {
		for i, s := range before {
			if a.Name == s.String() {
				had[i] = &a
			}
		}
		seen, err := engine.ParseStage(a.Name)
		if err == nil && seen.Kind == engine.Feature {
			c.Features[seen.Block] = &a
		}
		switch {
		case a.Name == t.Name:
			c.After = a
		case stage.Kind == engine.Block && a.Name == t.Name+branchSuffix:
			c.Branch = &a
		case stage.Kind == engine.Attention && a.Name+branchSuffix == t.Name:
			c.Stream, c.StreamLimit = &a, v.limit(a.Name)
		}
		return nil
	})
	if v.subject.Config.Segments() && !slices.Contains(had, nil) {
		for _, a := range had {
			c.Maps = append(c.Maps, *a)
		}
	}
	if len(had) == 1 {
		c.Before = had[0]
	}
	return c, err
}

// exampleTokens is the number of tokens that are enough to find a reason. Small images have so few that several are taken.
const exampleTokens = 288

// exampleImages returns the images [from, to) in which reasons are looked for; image is among them.
func (v *verification) exampleImages(image int) (from, to int) {
	count := min(v.images, max(1, exampleTokens/v.subject.Config.Tokens()))
	from = min(image, v.images-count)
	return from, from + count
}

// limit returns how far from the reference rounding leads at the tap of that name, alone if that is known.
func (v *verification) limit(name string) blame.Limit {
	for _, m := range v.taps {
		if m.name != name || !m.compared {
			continue
		}
		t, _ := v.tap(m)
		if t.Local == nil {
			return blame.Limit{Max: t.Tolerance, RMS: t.ToleranceRMS}
		}
		return blame.Limit{Max: t.Local.Tolerance, RMS: t.Local.ToleranceRMS}
	}
	return blame.Limit{}
}

// worstImage returns the index of the image in which a tap differs most, alone if that is known.
func worstImage(t Tap) int {
	one := 1
	for _, n := range t.Shape[1:] {
		one *= n
	}
	if t.Local != nil {
		return t.Local.At / one
	}
	return t.At / one
}

// blameCheckpoint names the parameters that differ from those of the reference, if that is a checkpoint, for each of the taps.
func (v *verification) blameCheckpoint(suspects []Tap) (found []blame.Finding, err error) {
	if v.reference.weights == nil {
		return nil, nil
	}
	for _, t := range suspects {
		stage, err := engine.ParseStage(t.Name)
		if err != nil {
			return nil, err
		}
		alone := t.Local != nil && !t.Local.OK
		all, err := v.differing(func(name string) bool { return !alone || stage.Uses(v.subject.Config, name) })
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			continue
		}
		findings, err := v.differences(t, all)
		if err != nil {
			return nil, err
		}
		found = append(found, findings...)
	}
	return found, nil
}
