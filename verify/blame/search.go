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
	config  arch.Config
	model   *whatif.Model
	weights []tensor.Named
	// found are the hypotheses that explained a stage, the last one first.
	found []hypothesis
	// displaced is what was found to be in another block than its own.
	displaced []displaced
	// known are the hypotheses that are listed for the model.
	known []hypothesis
	// streams are those of the model as it is, once taps are looked for, and streamed is their input.
	streams  []*whatif.Rows
	streamed whatif.Input
	// suspicions are what the file shows to be lost, once looked.
	suspicions []loss.Suspicion
	looked     bool
	// misplaced means that the reference has the attention branch of a block from another place, and so those of the others.
	misplaced bool
	// effort bounds searches in whole models; tried and untried count their hypotheses, of searches that found nothing.
	effort         Effort
	tried, untried int
}

// NewSearch returns the search in a model of canonical weights, exactly config.Params(). They are read later, so their checkpoint must stay open.
func NewSearch(config arch.Config, weights []tensor.Named) (*Search, error) {
	model, err := whatif.New(config, weights)
	known := append(hypotheses(), inSegmentation(config)...)
	if config.Segments() {
		known = slices.DeleteFunc(known, func(h hypothesis) bool { return slices.Equal(h.at, pooled) })
	}
	return &Search{config: config, model: model, weights: weights, known: known, effort: Normal}, err
}

// hypotheses returns those that are listed for the model, the likeliest first.
func (s *Search) hypotheses() []hypothesis { return s.known }

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
	whole := c.whole(s.config, stage)
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
	other, err := s.elsewhere(ctx, c, stage)
	s.misplaced = s.misplaced || other != nil
	if err != nil || other != nil && stage.Kind == engine.Attention {
		return listed(other), err
	}
	if s.misplaced {
		c.Branch = nil // what is wrong with the block is found without it
	}
	found, err := s.explainAll(ctx, s.targets(c, stage), newDraft(s.model, whatif.InputOf(c.Input), stage))
	if other != nil && len(found) > 0 && found[0].Hypothesis == Healthy {
		found = nil
	}
	return append(listed(other), found...), err
}

// listed returns the finding alone, or none if it is nil.
func listed(f *Finding) []Finding {
	if f == nil {
		return nil
	}
	return []Finding{*f}
}

// Again looks once more at a stage that Find explained with nothing, or with arbitrary values: under the hypotheses that were solved for at others and may hold
// for it, too, and with what a program does at others beside one more. It returns no findings without an error if none does.
func (s *Search) Again(ctx context.Context, c Case) ([]Finding, error) {
	stage, err := engine.ParseStage(c.After.Name)
	if err != nil || c.whole(s.config, stage) || len(s.found) == 0 {
		return nil, err
	}
	defer s.model.Forget(prefix(stage.Block))
	var findings []Finding
	d := newDraft(s.model, whatif.InputOf(c.Input), stage)
	for _, t := range s.targets(c, stage) {
		start, err := t.begin(ctx, d)
		if err != nil {
			return nil, err
		}
		if start.share <= 1 {
			continue
		}
		best, _, err := s.improve(ctx, t, start, s.general())
		if err == nil && best == nil {
			best, err = s.besideFound(ctx, t, start)
		}
		if err != nil || best == nil {
			return nil, err
		}
		outcome := s.conclude(t, d, best)
		findings, d = append(findings, outcome.findings...), outcome.draft
	}
	return findings, nil
}

// besideFound looks for a hypothesis that agrees with a target once one is assumed that holds at another stage: what a program does, it does in all blocks.
func (s *Search) besideFound(ctx context.Context, t *target, start *trial) (*trial, error) {
	for _, h := range slices.Clone(s.found) {
		if h.name == anotherVector || !h.concerns(t.parts) || h.concerns(t.done) {
			continue
		}
		one, err := t.assume(ctx, start, h)
		if err != nil {
			return nil, err
		}
		if one == nil {
			continue
		}
		best, _, err := s.improve(ctx, t, one, s.ordered(t))
		if err != nil || best != nil {
			return best, err
		}
		solved, err := s.solved(ctx, t, one.draft)
		if err != nil {
			return nil, err
		}
		solved = slices.DeleteFunc(solved, func(h hypothesis) bool { return h.name == anotherVector })
		if best, _, err = s.improve(ctx, t, one, solved); err != nil || best != nil {
			return best, err
		}
	}
	return nil, nil
}

// explainAll explains one target after the other. What explains one is assumed for the next.
func (s *Search) explainAll(ctx context.Context, targets []*target, d *draft) ([]Finding, error) {
	var findings []Finding
	states := make([]state, len(targets))
	for i, t := range targets {
		outcome, err := s.explain(ctx, t, d)
		if err != nil {
			return nil, err
		}
		if !outcome.healthy && outcome.findings == nil {
			if outcome.findings, err = s.lost(ctx, t, outcome.draft); err != nil {
				return nil, err
			}
		}
		if outcome.findings, err = s.recovered(ctx, t, outcome.findings); err != nil {
			return nil, err
		}
		findings, d, states[i] = append(findings, outcome.findings...), outcome.draft, outcome.state()
	}
	if !slices.ContainsFunc(states, func(s state) bool { return s != isRight }) {
		return s.healthy(targets[len(targets)-1]), nil
	}
	return append(findings, otherHalf(targets, states)...), nil
}

// state is what is known of a target after a search.
type state int

const (
	isUnexplained state = iota
	isExplained
	isRight
)

// healthy returns the finding that nothing is wrong.
func (s *Search) healthy(t *target) []Finding {
	return []Finding{{
		Stage: t.stage, Hypothesis: Healthy, Distance: t.without.MaxAbs, Without: t.without.MaxAbs, Tolerance: t.limit.Max,
		Sentence: fmt.Sprintf("the native engine computes %s as the reference does, from the same weights", t.name),
	}}
}

// outcome is what was found out about one target.
type outcome struct {
	findings []Finding
	// draft is the model with what was found.
	draft *draft
	// healthy means that the model as it is agrees.
	healthy bool
}

func (o outcome) state() state {
	switch {
	case o.healthy:
		return isRight
	case o.findings != nil:
		return isExplained
	}
	return isUnexplained
}

// explain looks for the hypothesis, or the pair of them, under which a draft agrees with the target.
func (s *Search) explain(ctx context.Context, t *target, d *draft) (outcome, error) {
	start, err := t.begin(ctx, d)
	if err != nil || start.share <= 1 {
		return outcome{draft: d, healthy: err == nil}, err
	}
	computedInHalf := slices.ContainsFunc(s.found, func(h hypothesis) bool { return h.name == halfPrecision })
	if computedInHalf {
		if best, err := s.halved(ctx, t, start); err != nil || best != nil {
			return s.conclude(t, d, best), err
		}
	}
	known := slices.Concat(s.returned(t, d), s.ordered(t))
	best, tried, err := s.improve(ctx, t, start, known)
	if err == nil && best != nil {
		best, err = t.farther(ctx, start, best, known)
	}
	if err == nil {
		best, err = s.ratherLost(ctx, t, start, best, nil)
	}
	if err == nil && best == nil && !computedInHalf {
		best, err = s.halved(ctx, t, start)
	}
	if err != nil || best != nil {
		return s.conclude(t, d, best), err
	}
	var solved []hypothesis
	gone, err := s.lostMatrix(ctx, t, surelyLost)
	if err == nil && !gone {
		solved, err = s.solved(ctx, t, d)
	}
	if err != nil {
		return outcome{}, err
	}
	arbitrary := func(h hypothesis) bool { return h.name == anotherVector }
	of := func(which func(h hypothesis) bool) []hypothesis {
		return slices.DeleteFunc(slices.Clone(solved), func(h hypothesis) bool { return !which(h) })
	}
	for _, more := range []func() (*trial, []*trial, error){
		func() (*trial, []*trial, error) {
			return s.improve(ctx, t, start, of(func(h hypothesis) bool { return !arbitrary(h) }))
		},
		func() (*trial, []*trial, error) { return s.fromOthers(ctx, t, start) },
		func() (*trial, []*trial, error) { return s.improve(ctx, t, start, of(arbitrary)) },
	} {
		best, added, err := more()
		if err == nil {
			best, err = s.ratherLost(ctx, t, start, best, solved)
		}
		if err != nil || best != nil {
			return s.conclude(t, d, best), err
		}
		tried = append(tried, added...)
	}
	if best, err = s.besideLost(ctx, t, start, slices.Concat(known, solved)); err != nil || best != nil {
		return s.conclude(t, d, best), err
	}
	if gone, err = s.lostMatrix(ctx, t, likelyLost); err != nil || gone {
		return s.conclude(t, d, nil), err
	}
	best, err = s.together(ctx, t, start, tried, known, solved)
	return s.conclude(t, d, best), err
}

// solved returns the hypotheses that follow from the activations, those about vectors that the file shows to be lost first.
func (s *Search) solved(ctx context.Context, t *target, d *draft) ([]hypothesis, error) {
	if t.solve == nil {
		return nil, nil
	}
	solved, err := t.solve(ctx, d)
	if err != nil {
		return nil, err
	}
	return s.suspectsFirst(ctx, d, solved)
}

// together looks for two hypotheses that together agree with the target.
func (s *Search) together(ctx context.Context, t *target, start *trial, tried []*trial, known, solved []hypothesis) (*trial, error) {
	crosses := s.crosses(t, start)
	if crosses {
		if best, err := s.crossed(ctx, t, start, known); err != nil || best != nil {
			return best, err
		}
	}
	return s.pair(ctx, t, start, tried, func(first hypothesis) []hypothesis {
		if crosses && slices.ContainsFunc(known, first.same) {
			return solved // the others were tried with it
		}
		return slices.Concat(known, solved)
	})
}

// ordered returns the listed hypotheses that concern a target, those first that explained another stage, also if they were solved for there.
func (s *Search) ordered(t *target) []hypothesis {
	var all []hypothesis
	for _, h := range append(s.general(), s.hypotheses()...) {
		if !h.whole && h.concerns(t.parts) && !h.concerns(t.done) {
			all = append(all, h)
		}
	}
	slices.SortStableFunc(all, func(a, b hypothesis) int { return s.rank(a) - s.rank(b) })
	return all
}

// rank returns how early a hypothesis is tried.
func (s *Search) rank(h hypothesis) int {
	if at := slices.IndexFunc(s.found, h.same); at >= 0 {
		return at
	}
	return len(s.found)
}

// general returns the hypotheses that were solved for at another stage, and may hold here.
func (s *Search) general() []hypothesis {
	return slices.DeleteFunc(slices.Clone(s.found), func(h hypothesis) bool { return !h.general })
}

// remember puts a hypothesis that explained a stage before the others that did.
func (s *Search) remember(h hypothesis) {
	s.found = append([]hypothesis{h}, slices.DeleteFunc(s.found, h.same)...)
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
		agrees, err := t.agrees(ctx, next, h)
		if err != nil {
			return nil, nil, err
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

// beam is the number of single hypotheses from which pairs are made.
const beam = 6

// Models of at least this width take long: fewer pairs are tried, without mistakes that are made in single blocks only.
const (
	large     = 384
	largeBeam = 2
)

// pair looks for two hypotheses that together agree with the target: the ones that alone came nearest, each with others.
func (s *Search) pair(ctx context.Context, t *target, start *trial, tried []*trial, others func(first hypothesis) []hypothesis) (*trial, error) {
	const better = 0.97
	tried = slices.DeleteFunc(slices.Clone(tried), func(one *trial) bool { return one.distance.RMS > better*start.distance.RMS })
	slices.SortStableFunc(tried, func(a, b *trial) int { return cmp.Compare(a.distance.RMS, b.distance.RMS) })
	width := beam
	if s.model.Config.EmbedDim >= large {
		width = largeBeam
	}
	for _, one := range tried[:min(width, len(tried))] {
		known := others(one.hypotheses[0])
		if s.model.Config.EmbedDim >= large {
			known = slices.DeleteFunc(slices.Clone(known), func(h hypothesis) bool { return h.alone })
		}
		best, _, err := s.improve(ctx, t, one, known)
		if err != nil || best != nil {
			return best, err
		}
		solved, err := s.solved(ctx, t, one.draft)
		if err != nil {
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
		s.remember(h)
		s.keepDisplaced(h, start)
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
	f.ruled = h.ruled
	if f.Side == "" {
		f.Side = Checkpoint
	}
	if f.Side == Checkpoint && own.empties(start) {
		f.Side, f.Advice = Program, "use what the checkpoint has there, unless it was never trained"
	}
	if h.slack > 0 && t.limit.share(best.distance) > 1 {
		best.notes[i] += ", to the precision of float32"
		f.Rounded = multiplied(f.Tensors)
	}
	if f.Side == Checkpoint || f.Side == Either {
		f.Edits = best.draft.restoring(f.Tensors)
	}
	who := t.stage
	if t.stage == WholeModel {
		who = "the model"
	}
	f.says, f.others = h.says+best.notes[i], len(best.hypotheses)-1
	f.Sentence = f.agrees(who + " agrees")
	return f
}

// notFinite returns the finding that a parameter of the stage, or of the whole model, holds NaN or infinity; nil if none does.
func (s *Search) notFinite(stage engine.Stage, whole bool) *Finding {
	var names []string
	for _, w := range s.weights {
		if !whole && !stage.Uses(s.config, w.Name) {
			continue
		}
		values, err := tensor.Float64s(w.View)
		if err == nil && !drift.AllFinite(values) {
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
