package blame

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// computing returns the vectors of some tokens for a draft.
type computing func(ctx context.Context, d *draft) (*whatif.Rows, error)

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
	// compute returns the target for a draft: the tokens in want.
	compute computing
	// glimpse returns what computes some rows of want alone, or is nil if that is no cheaper.
	glimpse func(places []int) computing
	// screen returns how far the draft is from the reference in a few tokens, which tells whether to compute more, or is nil.
	screen func(ctx context.Context, d *draft) (drift.Distance, error)
	// fewTokens is their number.
	fewTokens int
	// confirm returns how far the draft is from the reference in all tokens, or is nil if want has all.
	confirm func(ctx context.Context, d *draft) (drift.Distance, error)
	// beyond reports whether a draft agrees with what the reference has after the target, or is nil. A hypothesis that concerns that must explain it, too.
	beyond func(ctx context.Context, d *draft) (bool, error)
	// solve returns hypotheses that follow from the activations, such as the permutation that fits best; nil if there are none.
	solve func(ctx context.Context, d *draft) ([]hypothesis, error)
	// glance returns the block in a few tokens, for pairs; nil if the target is not in a block.
	glance func() *glance
	// without is how far the model as it is was from the reference.
	without drift.Distance
	// largest is the largest absolute value of want, or 0 if nobody asked yet.
	largest float64
	// vain are vectors that the file shows to be lost, and whose other values do not explain the target, alone or beside one hypothesis.
	vain []unknown
	// start is the draft that the search started from, and noise how far rounding to float32 leads it, once that is known.
	start *draft
	noise *drift.Distance
}

// distance returns how far a draft is from the target.
func (t *target) distance(ctx context.Context, d *draft) (drift.Distance, error) {
	got, err := t.compute(ctx, d)
	if err != nil {
		return drift.Distance{}, err
	}
	return apart(got, t.want), nil
}

// apart returns how far rows are from those that are wanted: infinitely, if they have another shape.
func apart(got, want *whatif.Rows) drift.Distance {
	if len(got.Values) != len(want.Values) {
		return drift.Distance{MaxAbs: math.Inf(1), RMS: math.Inf(1)}
	}
	return drift.Compare(got.Values, want.Values)
}

// begin returns the trial of a draft without hypotheses, from which a search starts.
func (t *target) begin(ctx context.Context, d *draft) (*trial, error) {
	got, err := t.compute(ctx, d)
	if err != nil {
		return nil, err
	}
	distance := apart(got, t.want)
	t.start, t.without = d, distance
	t.screen = t.screening(got)
	return &trial{draft: d, distance: distance, limit: t.limit, share: t.limit.share(distance)}, nil
}

// screening returns the comparison in a few tokens: some that lie apart, and those that are farthest from the reference as the model is, since a mistake may show
// in one token alone. It returns nil if all of them take no longer.
func (t *target) screening(got *whatif.Rows) func(ctx context.Context, d *draft) (drift.Distance, error) {
	const distant, farthest, quick = 5, 3, 1 << 14
	if t.glimpse == nil || len(got.Values) != len(t.want.Values) || len(got.Values) < quick || got.Count <= 2*(distant+farthest) {
		return nil
	}
	far := make([]float64, got.Count)
	places := make([]int, got.Count)
	for i := range far {
		far[i], places[i] = drift.Compare(got.Row(i), t.want.Row(i)).RMS, i
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(far[b], far[a]) })
	places = append(places[:farthest], spread(got.Count, distant)...)
	slices.Sort(places)
	places = slices.Compact(places)
	t.fewTokens = len(places)
	compute, want := t.glimpse(places), t.want.Pick(places)
	return func(ctx context.Context, d *draft) (drift.Distance, error) {
		got, err := compute(ctx, d)
		if err != nil {
			return drift.Distance{}, err
		}
		return apart(got, want), nil
	}
}

// fits reports whether a trial agrees with the reference in all tokens.
func (t *target) fits(ctx context.Context, one *trial) (bool, error) {
	if t.confirm == nil {
		return true, nil
	}
	distance, err := t.confirm(ctx, one.draft)
	return err == nil && one.limit.share(distance) <= 1, err
}

// agrees reports whether a trial, which does in the tokens that hypotheses are compared in, agrees with all that the reference has and its last hypotheses affect.
func (t *target) agrees(ctx context.Context, one *trial, last ...hypothesis) (bool, error) {
	agrees, err := t.fits(ctx, one)
	if !agrees || t.beyond == nil || !slices.ContainsFunc(last, func(h hypothesis) bool { return h.exceeds(t.parts) }) {
		return agrees, err
	}
	return t.beyond(ctx, one.draft)
}

// limitOf returns the limit for a draft with these hypotheses, which is that far from the reference. What leaves much of the difference has no slack.
func (t *target) limitOf(hypotheses []hypothesis, distance drift.Distance) Limit {
	slack := 0.0
	for _, h := range hypotheses {
		slack = max(slack, h.slack)
	}
	if slack == 0 || !(distance.RMS <= much*t.without.RMS) {
		return t.limit
	}
	if t.largest == 0 {
		t.largest = largestOf(t.want.Values)
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
	// decisive means that it explains so much of the difference that chance cannot.
	decisive bool
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
	return t.share < settledShare || t.decisive
}

// decisive is how many times smaller a difference becomes that is within its limit then, if no other hypothesis needs to be tried.
const decisive = 1e5

// settledShare is how much of its limit a trial may take that agrees so well.
const settledShare = 0.05

// spread returns some of count places, as far apart as can be, the first and the last among them.
func spread(count, some int) []int {
	places := make([]int, some)
	for i := range places {
		places[i] = i * (count - 1) / (some - 1)
	}
	return places
}

// try returns the trial with more hypotheses, or nil if one does not apply, or if together they change nothing for the better. Where a few tokens show that it does
// not agree, its distance is estimated from these.
func (t *target) try(ctx context.Context, from *trial, hypotheses ...hypothesis) (*trial, error) {
	d, notes := from.draft.copied(), slices.Clone(from.notes)
	for _, h := range hypotheses {
		d.note = ""
		if !h.apply(d) {
			return nil, nil
		}
		notes = append(notes, d.note)
	}
	all := slices.Concat(from.hypotheses, hypotheses)
	if t.screen != nil {
		few, err := t.screened(ctx, from, d)
		if err != nil || !(few.RMS < from.screened.RMS) {
			return nil, err
		}
		if t.hopeless(few) {
			distance := drift.Distance{MaxAbs: few.MaxAbs, RMS: few.RMS * from.distance.RMS / from.screened.RMS}
			return &trial{draft: d, hypotheses: all, notes: notes, distance: distance, limit: t.limit, share: t.limit.share(distance), screened: &few}, nil
		}
	}
	distance, err := t.distance(ctx, d)
	if err != nil || !(distance.RMS < from.distance.RMS) {
		return nil, err
	}
	return t.trial(ctx, d, distance, all, notes)
}

// hopeless reports whether a draft that is that far from the reference in a few tokens can't agree in all: none of what widens a limit applies, since too much of
// the difference is left.
func (t *target) hopeless(few drift.Distance) bool {
	least := few.RMS * math.Sqrt(float64(t.fewTokens)/float64(t.want.Count)) // if all others are right
	return few.MaxAbs > t.limit.Max && least > much*t.without.RMS
}

// assume returns the trial with one more hypothesis, even if that changes nothing for the better, or nil if it does not apply.
func (t *target) assume(ctx context.Context, from *trial, h hypothesis) (*trial, error) {
	d := from.draft.copied()
	d.note = ""
	if !h.apply(d) {
		return nil, nil
	}
	distance, err := t.distance(ctx, d)
	if err != nil {
		return nil, err
	}
	return t.trial(ctx, d, distance, append(slices.Clone(from.hypotheses), h), append(slices.Clone(from.notes), d.note))
}

// trial returns the trial of a draft that is that far from the target.
func (t *target) trial(ctx context.Context, d *draft, distance drift.Distance, hypotheses []hypothesis, notes []string) (*trial, error) {
	limit, err := t.widened(ctx, d, distance, t.limitOf(hypotheses, distance))
	if err != nil {
		return nil, err
	}
	return &trial{
		draft: d, hypotheses: hypotheses, notes: notes, distance: distance, limit: limit, share: limit.share(distance),
		decisive: t.limit.share(distance) <= 1 && decisive*distance.RMS < t.without.RMS,
	}, nil
}

// farther returns, in place of a trial that agrees with a target and leaves what the reference has after it unexplained, that of one hypothesis which explains
// both, if there is one: that norms come after branches says more than that the first is left out.
func (t *target) farther(ctx context.Context, start, best *trial, known []hypothesis) (*trial, error) {
	if t.beyond == nil {
		return best, nil
	}
	if right, err := t.beyond(ctx, best.draft); err != nil || right {
		return best, err
	}
	for _, h := range known {
		if !h.exceeds(t.parts) {
			continue
		}
		next, err := t.try(ctx, start, h)
		if err != nil {
			return nil, err
		}
		if next == nil || next.share > 1 {
			continue
		}
		if agrees, err := t.agrees(ctx, next, h); err != nil || agrees {
			return next, err
		}
	}
	return best, nil
}

// screened returns how far a draft is from the reference in the tokens that are looked at first, and makes sure that this is known of a trial.
func (t *target) screened(ctx context.Context, from *trial, d *draft) (drift.Distance, error) {
	if from.screened == nil {
		distance, err := t.screen(ctx, from.draft)
		if err != nil {
			return drift.Distance{}, err
		}
		from.screened = &distance
	}
	return t.screen(ctx, d)
}
