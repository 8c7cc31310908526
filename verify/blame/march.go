package blame

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Effort says how long to look for a reason if the reference does not have the activation before a stage, so that whole models are computed. It is a number of
// floating-point operations, so that the same search ends at the same place on every machine.
type Effort float64

// Bounds that are often wanted: Quick takes a few seconds for a base model, Normal about ten.
const (
	Quick  Effort = 2e11
	Normal Effort = 5e11
)

// All tries everything. It may take a quarter of an hour for a base model.
func All() Effort { return Effort(math.Inf(1)) }

// march computes models with mistakes from the input to a stage. Several go at once, block by block, so that each block's parameters are read once and what is
// the same is computed once.
type march struct {
	search *Search
	input  whatif.Input
	// stage is where it ends, and want what the reference has there.
	stage engine.Stage
	want  *whatif.Rows
	// aim has the limits.
	aim *target
	// assumed are mistakes that all walkers make. plain are the streams before each block of the model with these mistakes, and after the last, and without is how
	// far the model as it is was from the reference.
	assumed *walker
	plain   []*whatif.Rows
	without drift.Distance
	*account
	// tried are walkers that arrived, candidates those of them that agree, and best the one whose agreement was confirmed in all images.
	tried      []*walker
	candidates []*walker
	best       *walker
	// all is the march with all images; it may be this one.
	all *march
}

// account is what marches of one search have together.
type account struct {
	// left is what may still be computed, count the number of hypotheses that were tried, and untried that of those for which nothing was left.
	left           float64
	count, untried int
}

// findInModel looks for what explains the stage if the reference does not have the activation before it. It tries, the cheapest and likeliest first: other ends
// of the model; mistakes that all blocks share; mistakes in one block, and between blocks; pairs with what alone came nearest. What the file shows to be lost
// comes before pairs.
func (s *Search) findInModel(ctx context.Context, c Case, stage engine.Stage) ([]Finding, error) {
	defer s.model.Forget()
	all, err := s.march(ctx, c, stage)
	if err != nil {
		return nil, err
	}
	all.all = all
	if all.agrees() {
		return s.healthy(all.target(WholeModel, c)), nil
	}
	if err := all.atEnds(ctx); err != nil || all.best != nil {
		return all.conclude(c), err
	}
	m, err := all.ofWorstImage(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, phase := range []func(context.Context) error{m.everywhere, m.throughout, m.inBlocks, m.amongBlocks} {
		if err := phase(ctx); err != nil || m.best != nil {
			return m.conclude(c), err
		}
	}
	findings, err := m.lost(ctx, c)
	if err != nil || findings != nil {
		return findings, err
	}
	if err := m.inPairs(ctx); err != nil || m.best != nil {
		return m.conclude(c), err
	}
	s.untried += m.untried
	s.tried += m.count
	return nil, nil
}

// march computes the model as it is, from the input of a case to a stage.
func (s *Search) march(ctx context.Context, c Case, stage engine.Stage) (*march, error) {
	m := &march{search: s, input: whatif.InputOf(c.Input), stage: stage, assumed: newWalker(), account: &account{left: float64(s.effort)}}
	if decodes(s.config, stage) {
		c.After = byPixels(c.After)
	}
	m.want = whatif.RowsOf(c.After.Values, c.After.Shape[len(c.After.Shape)-1])
	m.aim = &target{want: m.want, limit: c.Limit}
	got, err := m.plainly(ctx)
	if err == nil {
		m.without = apart(got, m.want)
		m.aim.without = m.without
	}
	return m, err
}

// ofWorstImage returns the march of the image in which the stage differs most: what explains that one is confirmed in all.
func (m *march) ofWorstImage(ctx context.Context, c Case) (*march, error) {
	config := m.search.model.Config
	pixels := config.Channels * config.ImageHeight * config.ImageWidth
	images := len(c.Input.Pixels) / pixels
	got, err := m.end(ctx, m.atEnd())
	if err != nil || images == 1 || len(got.Values) != len(c.After.Values) {
		return m, err
	}
	worst, most := 0, -1.0
	for i := range images {
		if d := drift.Compare(nth(got.Values, i, images), nth(c.After.Values, i, images)); d.MaxAbs > most {
			worst, most = i, d.MaxAbs
		}
	}
	c.Input.Pixels, c.Input.Mask = nth(c.Input.Pixels, worst, images), nth(c.Input.Mask, worst, images)
	c.After.Values = nth(c.After.Values, worst, images)
	one, err := m.search.march(ctx, c, m.stage)
	if err == nil {
		one.all, one.account = m, m.account
	}
	return one, err
}

// nth returns part i of count equal parts.
func nth[E any](values []E, i, count int) []E {
	return values[len(values)/count*i : len(values)/count*(i+1)]
}

// agrees reports whether the model as it is agrees.
func (m *march) agrees() bool { return m.aim.limit.share(m.without) <= 1 }

// everywhere tries mistakes that all blocks share, or that come before them.
func (m *march) everywhere(ctx context.Context) error {
	return m.run(ctx, 0, m.everywhereWalkers())
}

func (m *march) everywhereWalkers() (walkers []*walker) {
	for _, h := range everywhereOnly(m.search.hypotheses()) {
		if !h.endsOnly() && !slices.ContainsFunc(m.assumed.hypotheses, h.same) {
			walkers = append(walkers, m.walker(h))
		}
	}
	last := len(m.assumed.hypotheses)
	slices.SortStableFunc(walkers, func(a, b *walker) int { return a.hypotheses[last].unlikely() - b.hypotheses[last].unlikely() })
	return walkers
}

// throughout tries mistakes of the checkpoint that are tried in single blocks otherwise in all of them, and those before the first block.
func (m *march) throughout(ctx context.Context) error {
	var walkers []*walker
	for _, h := range slices.Concat(m.search.hypotheses(), solved()) {
		if !h.ofCheckpoint() || !h.alone || !h.concerns(wholeBlock) && !h.concerns(embed) {
			continue
		}
		if h.concerns(wholeBlock) && m.search.model.Config.Depth > 1 {
			h.says += ", in all blocks"
		}
		walkers = append(walkers, m.walker(scoped{h, allBlocks}))
	}
	return m.run(ctx, 0, walkers)
}

// ofCheckpoint reports whether a hypothesis may be about a single block. Programs make the same mistake in all.
func (h hypothesis) ofCheckpoint() bool {
	return !h.whole && (h.side == "" || h.side == Checkpoint || h.side == Either)
}

// inBlocks tries mistakes in single blocks, the last first, since what follows is computed for each.
func (m *march) inBlocks(ctx context.Context) error {
	for i := m.last() - 1; i >= 0 && m.best == nil; i-- {
		var walkers []*walker
		for _, h := range slices.Concat(m.search.hypotheses(), solved()) {
			if h.ofCheckpoint() && h.concerns(wholeBlock) && !slices.ContainsFunc(m.assumed.hypotheses, scoped{h, i}.same) {
				walkers = append(walkers, m.walker(scoped{h, i}))
			}
		}
		if err := m.run(ctx, i, walkers); err != nil {
			return err
		}
	}
	return nil
}

// amongBlocks tries whether blocks, or parts of them, are exchanged.
func (m *march) amongBlocks(ctx context.Context) error {
	var walkers []*walker
	for step := 1; step < m.last(); step++ {
		for i := range m.last() - step {
			for _, h := range exchangingBlocks(i, i+step) {
				walkers = append(walkers, m.walker(scoped{h, allBlocks}))
			}
		}
	}
	return m.run(ctx, 0, walkers)
}

// inPairs tries what alone came nearest together with mistakes that all blocks share, and the very nearest with those in single blocks, too.
func (m *march) inPairs(ctx context.Context) error {
	const better, most = 0.9, 4
	nearest := slices.DeleteFunc(slices.Clone(m.tried), func(w *walker) bool {
		return len(w.hypotheses) != 1 || w.hypotheses[0].endsOnly() || !(w.distance.RMS < better*m.without.RMS)
	})
	slices.SortStableFunc(nearest, func(a, b *walker) int { return cmp.Compare(a.distance.RMS, b.distance.RMS) })
	for i, one := range nearest[:min(most, len(nearest))] {
		next, err := m.assume(ctx, one.hypotheses...)
		if err != nil {
			return err
		}
		if err = next.everywhere(ctx); err == nil && next.best == nil && i == 0 {
			err = next.inBlocks(ctx)
		}
		if m.best = next.best; err != nil || m.best != nil {
			return err
		}
	}
	return nil
}

// assume returns the march of a model in which there are mistakes.
func (m *march) assume(ctx context.Context, mistakes ...scoped) (*march, error) {
	next := *m
	next.assumed, next.tried, next.candidates = newWalker(mistakes...), nil, nil
	_, err := next.plainly(ctx)
	return &next, err
}

// walker returns a walker with what is assumed and one more mistake.
func (m *march) walker(h scoped) *walker { return m.assumed.with(h) }

// target returns what findings are about.
func (m *march) target(stage string, c Case) *target {
	return &target{stage: stage, name: c.After.Name, want: m.want, limit: c.Limit, without: m.without}
}

// conclude returns the findings of the best walker, if there is one.
func (m *march) conclude(c Case) (findings []Finding) {
	s, w := m.search, m.best
	if w == nil {
		return nil
	}
	start := newDraft(s.model, m.input, engine.Stage{})
	blocks := start.places
	place := func(d *draft, h scoped) {
		d.places = blocks
		if h.block != allBlocks {
			d.places = []string{prefix(h.block)}
		}
	}
	best := &trial{draft: start.copied(), hypotheses: w.plain(), notes: w.notes, distance: w.distance}
	best.limit = m.all.aim.limitOf(best.hypotheses, w.distance)
	best.share = best.limit.share(w.distance)
	for _, h := range w.hypotheses {
		place(best.draft, h)
		h.apply(best.draft)
	}
	without := m.all.without.MaxAbs
	for i, h := range w.hypotheses {
		s.remember(h.hypothesis)
		place(start, h)
		f := m.all.target(h.stage(), c).finding(h.hypothesis, best, start, i)
		if without < clearly*best.limit.Max {
			f.Sentence += fmt.Sprintf("; the difference is only %.2g times what is rounding, so it could be something else", without/best.limit.Max)
		}
		findings = append(findings, f)
	}
	return findings
}
