package blame

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame/loss"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Search looks for reasons in one model. It remembers what it found: what explains one block is tried first in the next. It can be used by one goroutine at a
// time.
type Search struct {
	model   *whatif.Model
	weights []tensor.Named
	// found are the names of hypotheses that explained a stage, the last one first.
	found []string
	// suspicions are what the file shows to be lost, once looked.
	suspicions []loss.Suspicion
	looked     bool
	// effort bounds searches in whole models; tried and untried count their hypotheses, of searches that found nothing.
	effort         Effort
	tried, untried int
}

// NewSearch returns the search in a model of canonical weights, exactly config.Params(). They are read later, so their checkpoint must stay open.
func NewSearch(config arch.Config, weights []tensor.Named) (*Search, error) {
	model, err := whatif.New(config, weights)
	return &Search{model: model, weights: weights, effort: Normal}, err
}

// SetEffort bounds the searches in whole models that follow. At first the bound is Normal.
func (s *Search) SetEffort(effort Effort) { s.effort = effort }

// Tried returns how many hypotheses about whole models were tried in vain, and how many were not tried because of the bound.
func (s *Search) Tried() (tried, untried int) { return s.tried, s.untried }

// Find looks for what is wrong at one stage, or, if the reference does not have the activation before it, in the whole model. It returns no findings without
// an error if nothing explains the difference, and a finding Healthy if there is no difference. If After has a name that no stage has, the error is an
// *engine.UnknownStageError; other errors are those of reading weights, or that of ctx.
func (s *Search) Find(ctx context.Context, c Case) ([]Finding, error) {
	stage, err := engine.ParseStage(c.After.Name)
	if err != nil {
		return nil, err
	}
	whole := c.Before == nil && stage.Kind != engine.Embed
	if found := s.notFinite(stage, whole); found != nil {
		return []Finding{*found}, nil
	}
	if whole {
		return s.findInModel(ctx, c, stage)
	}
	if stage.InBlock() {
		defer s.model.Forget(prefix(stage.Block))
	} else {
		defer s.model.Forget()
	}
	return s.explainAll(ctx, s.targets(c, stage), newDraft(s.model, whatif.InputOf(c.Input), stage))
}

// explainAll explains one target after the other. What explains one is assumed for the next.
func (s *Search) explainAll(ctx context.Context, targets []*target, d *draft) ([]Finding, error) {
	var findings []Finding
	right, explained := make([]bool, len(targets)), true
	for i, t := range targets {
		outcome, err := s.explain(ctx, t, d)
		if err != nil {
			return nil, err
		}
		if !outcome.healthy && outcome.findings == nil {
			if outcome.findings, err = s.lost(ctx, t, outcome.draft); err != nil {
				return nil, err
			}
			explained = explained && outcome.findings != nil
		}
		if outcome.findings, err = s.recovered(ctx, t, outcome.findings); err != nil {
			return nil, err
		}
		findings, d, right[i] = append(findings, outcome.findings...), outcome.draft, outcome.healthy
	}
	switch {
	case !slices.Contains(right, false):
		findings = s.healthy(targets[len(targets)-1])
	case !explained && findings == nil:
		findings = halfRight(targets, right)
	}
	return findings, nil
}

// healthy returns the finding that nothing is wrong.
func (s *Search) healthy(t *target) []Finding {
	return []Finding{{
		Stage: t.stage, Hypothesis: Healthy, Distance: t.without.MaxAbs, Without: t.without.MaxAbs, Tolerance: t.limit.Max,
		Sentence: fmt.Sprintf("the native engine computes %s as the reference does, from the same weights", t.name),
	}}
}

// target is something that drafts compute, and what it should be.
type target struct {
	// stage is the name of the stage that findings state, and name that of the activation.
	stage, name string
	// parts are what can affect the target.
	parts []part
	// done are parts before that the reference shows, so that what explains them is known.
	done  []part
	want  *whatif.Rows
	limit Limit
	// compute returns the target for a draft: of some tokens, those in want, or, if all is true, of all.
	compute func(ctx context.Context, d *draft) (*whatif.Rows, error)
	// screen returns how far the draft is from the reference in a few tokens, which tells whether to compute more, or is nil.
	screen func(ctx context.Context, d *draft) (drift.Distance, error)
	// confirm returns how far the draft is from the reference in all tokens, or is nil if want has all.
	confirm func(ctx context.Context, d *draft) (drift.Distance, error)
	// beyond reports whether a draft agrees with what the reference has after the target, or is nil. A hypothesis that concerns that must explain it, too.
	beyond func(ctx context.Context, d *draft) (bool, error)
	// solve returns hypotheses that follow from the activations, such as the permutation that fits best; nil if there are none.
	solve func(ctx context.Context, d *draft) ([]hypothesis, error)
	// without is how far the model as it is was from the reference.
	without drift.Distance
	// largest is the largest absolute value of want, or 0 if nobody asked yet.
	largest float64
}

// distance returns how far a draft is from the target.
func (t *target) distance(ctx context.Context, d *draft) (drift.Distance, error) {
	got, err := t.compute(ctx, d)
	if err != nil {
		return drift.Distance{}, err
	}
	if len(got.Values) != len(t.want.Values) {
		return drift.Distance{MaxAbs: math.Inf(1), RMS: math.Inf(1)}, nil
	}
	return drift.Compare(got.Values, t.want.Values), nil
}

// fits reports whether a trial agrees with the reference in all tokens.
func (t *target) fits(ctx context.Context, one *trial) (bool, error) {
	if t.confirm == nil {
		return true, nil
	}
	distance, err := t.confirm(ctx, one.draft)
	return err == nil && one.limit.share(distance) <= 1, err
}

// limitOf returns the limit for a draft with these hypotheses, which is that far from the reference. What leaves much of the difference has no slack.
func (t *target) limitOf(hypotheses []hypothesis, distance drift.Distance) Limit {
	const much = 1e-3
	slack := 0.0
	for _, h := range hypotheses {
		slack = max(slack, h.slack)
	}
	if slack == 0 || !(distance.RMS <= much*t.without.RMS) {
		return t.limit
	}
	if t.largest == 0 {
		for _, v := range t.want.Values {
			t.largest = max(t.largest, math.Abs(v))
		}
	}
	wide := Limit{Max: max(t.limit.Max, slack*t.largest)}
	if t.limit.RMS > 0 {
		wide.RMS = max(t.limit.RMS, slack*t.largest)
	}
	return wide
}

// trial is a draft with one more hypothesis, and how far it is from the target.
type trial struct {
	draft      *draft
	hypotheses []hypothesis
	// notes are those that the draft had for each hypothesis.
	notes    []string
	distance drift.Distance
	// limit is how far it may be, and share how much of that it takes.
	limit Limit
	share float64
	// screened is how far it is in a few tokens, once that is known.
	screened *drift.Distance
}

// better reports whether a trial that agrees is to be preferred over an earlier one that does: only if that one leaves more than a little of the limit, and
// much more than the later one.
func (t *trial) better(than *trial) bool {
	return than == nil || !than.settled() && t.distance.RMS < near*than.distance.RMS
}

// settled reports whether a trial agrees so well that no other one needs to be tried.
func (t *trial) settled() bool {
	const little = 0.05
	return t.share < little
}

// outcome is what was found out about one target.
type outcome struct {
	findings []Finding
	// draft is the model with what was found.
	draft *draft
	// healthy means that the model as it is agrees.
	healthy bool
}

// explain looks for the hypothesis, or the pair of them, under which a draft agrees with the target.
func (s *Search) explain(ctx context.Context, t *target, d *draft) (outcome, error) {
	distance, err := t.distance(ctx, d)
	if err != nil {
		return outcome{}, err
	}
	t.without = distance
	if t.limit.share(distance) <= 1 {
		return outcome{draft: d, healthy: true}, nil
	}
	start := &trial{draft: d, distance: distance, limit: t.limit, share: t.limit.share(distance)}
	known := s.ordered(t)
	best, tried, err := s.improve(ctx, t, start, known)
	if err != nil || best != nil {
		return s.conclude(t, d, best), err
	}
	var solved []hypothesis
	if t.solve != nil {
		if solved, err = t.solve(ctx, d); err != nil {
			return outcome{}, err
		}
		if solved, err = s.suspectsFirst(ctx, d, solved); err != nil {
			return outcome{}, err
		}
	}
	arbitrary := func(h hypothesis) bool { return h.name == anotherVector }
	for _, more := range []func() (*trial, []*trial, error){
		func() (*trial, []*trial, error) {
			return s.improve(ctx, t, start, slices.DeleteFunc(slices.Clone(solved), arbitrary))
		},
		func() (*trial, []*trial, error) { return s.fromOthers(ctx, t, start) },
		func() (*trial, []*trial, error) {
			return s.improve(ctx, t, start, slices.DeleteFunc(slices.Clone(solved), func(h hypothesis) bool { return !arbitrary(h) }))
		},
	} {
		best, added, err := more()
		if err != nil || best != nil {
			return s.conclude(t, d, best), err
		}
		tried = append(tried, added...)
	}
	known = slices.Concat(known, solved)
	if best, err = s.besideLost(ctx, t, start, known); err != nil || best != nil {
		return s.conclude(t, d, best), err
	}
	if best, err = s.halved(ctx, t, start); err != nil || best != nil {
		return s.conclude(t, d, best), err
	}
	best, err = s.pair(ctx, t, start, tried, known)
	return s.conclude(t, d, best), err
}

// ordered returns the listed hypotheses that concern a target, those first that explained another stage.
func (s *Search) ordered(t *target) []hypothesis {
	var all []hypothesis
	for _, h := range hypotheses() {
		if !h.whole && h.concerns(t.parts) && !h.concerns(t.done) {
			all = append(all, h)
		}
	}
	slices.SortStableFunc(all, func(a, b hypothesis) int { return s.rank(a) - s.rank(b) })
	return all
}

// rank returns how early a hypothesis is tried.
func (s *Search) rank(h hypothesis) int {
	if at := slices.Index(s.found, h.name+h.says); at >= 0 {
		return at
	}
	return len(s.found)
}

// near is how much better a later hypothesis must be to be preferred over an earlier one.
const near = 0.7

// improve tries hypotheses on top of a trial. It returns the best that agrees with the target, or nil, and all trials. One that explained another stage is
// taken at once.
func (s *Search) improve(ctx context.Context, t *target, from *trial, known []hypothesis) (best *trial, tried []*trial, err error) {
	for _, h := range known {
		next, err := t.try(ctx, from, h)
		if err != nil {
			return nil, nil, err
		}
		if next == nil {
			continue
		}
		tried = append(tried, next)
		if next.share > 1 || !next.better(best) {
			continue
		}
		agrees, err := t.fits(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		if agrees && t.beyond != nil && h.exceeds(t.parts) {
			if agrees, err = t.beyond(ctx, next.draft); err != nil {
				return nil, nil, err
			}
		}
		if !agrees {
			continue
		}
		best = next
		if s.rank(h) < len(s.found) || best.settled() {
			break
		}
	}
	return best, tried, nil
}

// try returns the trial with one more hypothesis, or nil if that does not apply, or changes nothing for the better.
func (t *target) try(ctx context.Context, from *trial, h hypothesis) (*trial, error) {
	d := from.draft.copied()
	d.note = ""
	if !h.apply(d) {
		return nil, nil
	}
	if promising, err := t.promises(ctx, from, d); err != nil || !promising {
		return nil, err
	}
	distance, err := t.distance(ctx, d)
	if err != nil || !(distance.RMS < from.distance.RMS) {
		return nil, err
	}
	all := append(slices.Clone(from.hypotheses), h)
	limit := t.limitOf(all, distance)
	return &trial{draft: d, hypotheses: all, notes: append(slices.Clone(from.notes), d.note), distance: distance, limit: limit, share: limit.share(distance)}, nil
}

// promises reports whether a draft is nearer to the reference than a trial in the tokens that are looked at first.
func (t *target) promises(ctx context.Context, from *trial, d *draft) (bool, error) {
	if t.screen == nil {
		return true, nil
	}
	if from.screened == nil {
		distance, err := t.screen(ctx, from.draft)
		if err != nil {
			return false, err
		}
		from.screened = &distance
	}
	distance, err := t.screen(ctx, d)
	return err == nil && distance.RMS < from.screened.RMS, err
}

// beam is the number of single hypotheses from which pairs are made.
const beam = 6

// Models of at least this width take long: fewer pairs are tried, without mistakes that are made in single blocks only.
const (
	large     = 384
	largeBeam = 2
)

// pair looks for two hypotheses that together agree with the target: the ones that alone came nearest, each with all others.
func (s *Search) pair(ctx context.Context, t *target, start *trial, tried []*trial, known []hypothesis) (*trial, error) {
	const better = 0.97
	tried = slices.DeleteFunc(slices.Clone(tried), func(one *trial) bool { return one.distance.RMS > better*start.distance.RMS })
	slices.SortStableFunc(tried, func(a, b *trial) int { return cmp.Compare(a.distance.RMS, b.distance.RMS) })
	width := beam
	if s.model.Config.EmbedDim >= large {
		width = largeBeam
		known = slices.DeleteFunc(slices.Clone(known), func(h hypothesis) bool { return h.alone })
	}
	for _, one := range tried[:min(width, len(tried))] {
		best, _, err := s.improve(ctx, t, one, known)
		if err != nil || best != nil {
			return best, err
		}
		if t.solve == nil {
			continue
		}
		solved, err := t.solve(ctx, one.draft)
		if err != nil {
			return nil, err
		}
		if solved, err = s.suspectsFirst(ctx, one.draft, solved); err != nil {
			return nil, err
		}
		if best, _, err = s.improve(ctx, t, one, solved); err != nil || best != nil {
			return best, err
		}
	}
	return nil, nil
}

// conclude returns the findings of the best trial.
func (s *Search) conclude(t *target, start *draft, best *trial) outcome {
	if best == nil {
		return outcome{draft: start}
	}
	out := outcome{draft: best.draft}
	for i, h := range best.hypotheses {
		s.found = append([]string{h.name + h.says}, slices.DeleteFunc(s.found, func(name string) bool { return name == h.name+h.says })...)
		out.findings = append(out.findings, t.finding(h, best, start, i))
	}
	return out
}

// finding returns the finding of hypothesis i of a trial.
func (t *target) finding(h hypothesis, best *trial, start *draft, i int) Finding {
	own := start.copied()
	own.edits = make(map[string]string)
	h.apply(own) // alone, for the names of its parameters
	f := Finding{
		Stage: t.stage, Hypothesis: h.name, Side: h.side, Tensors: own.tensors(), Where: own.where, Advice: h.advice, Epsilon: own.epsilon,
		Distance: best.distance.MaxAbs, Without: t.without.MaxAbs, Tolerance: best.limit.Max,
	}
	if f.Side == "" {
		f.Side = Checkpoint
	}
	if h.slack > 0 && t.limit.share(best.distance) > 1 {
		best.notes[i] += ", to the precision of float32"
	}
	if f.Side == Checkpoint {
		f.Edits = best.draft.restoring(f.Tensors)
	}
	who := t.stage
	if t.stage == WholeModel {
		who = "the model"
	}
	f.says = h.says + best.notes[i]
	if others := best.others(i); len(others) > 0 {
		f.says += ", and " + text.List(others, len(others), "")
	}
	f.Sentence = who + " agrees with the reference if " + f.says
	return f
}

// others returns what the other hypotheses of a trial say.
func (t *trial) others(but int) []string {
	var says []string
	for i, h := range t.hypotheses {
		if i != but {
			says = append(says, h.says+t.notes[i])
		}
	}
	return says
}

// notFinite returns the finding that a parameter of the stage, or of the whole model, holds NaN or infinity; nil if none does.
func (s *Search) notFinite(stage engine.Stage, whole bool) *Finding {
	var names []string
	for _, w := range s.weights {
		if !whole && !stage.Uses(w.Name) {
			continue
		}
		values, err := tensor.Float64s(w.View)
		if err == nil && slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			names = append(names, w.Name)
		}
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	return &Finding{
		Stage: stage.String(), Hypothesis: "non-finite", Side: Checkpoint, Tensors: names, Distance: math.Inf(1), Without: math.Inf(1),
		Sentence: fmt.Sprintf("NaN or infinity in %s", text.List(names, 4, "")),
	}
}
