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
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Effort says how long to look for a reason if the reference does not have the activation before a stage, so that whole models are computed. It is a number of
// floating-point operations, so that the same search ends at the same place on every machine.
type Effort float64

// Bounds that are often wanted: Quick takes a few seconds for a base model, Normal about ten.
const (
	Quick  Effort = 2e11
	Normal Effort = 6e11
)

// All tries everything. It may take a quarter of an hour for a base model.
func All() Effort { return Effort(math.Inf(1)) }

// fewImages is the number of images on which whole models are computed. What agrees is confirmed on all of them.
const fewImages = 2

// findInModel looks for what explains the stage if the reference does not have the activation before it. It tries, the cheapest and likeliest first: other ends
// of the model; mistakes that all blocks share; mistakes in one block; pairs of what alone came nearest with all others.
func (s *Search) findInModel(ctx context.Context, c Case, stage engine.Stage) ([]Finding, error) {
	defer s.model.Forget()
	few := c.first(fewImages, s.model.Config)
	m, err := s.march(ctx, few, stage)
	if err == nil && m.agrees() && len(few.Input.Pixels) < len(c.Input.Pixels) { // it shows in other images
		few = c
		m, err = s.march(ctx, few, stage)
	}
	if err != nil {
		return nil, err
	}
	if m.agrees() {
		return s.healthy(m.target(WholeModel, c)), nil
	}
	for _, phase := range []func(context.Context) error{m.atEnds, m.everywhere, m.inBlocks, m.inPairs} {
		if err := phase(ctx); err != nil {
			return nil, err
		}
		if m.best == nil {
			continue
		}
		if len(few.Input.Pixels) < len(c.Input.Pixels) {
			if m, err = m.confirm(ctx, c); err != nil || m.best == nil {
				return nil, err
			}
		}
		return m.conclude(c), nil
	}
	s.untried += m.untried
	s.tried += len(m.tried)
	return nil, nil
}

// first returns the case of the first images alone.
func (c Case) first(count int, config arch.Config) Case {
	one := config.Channels * config.ImageHeight * config.ImageWidth
	images := len(c.Input.Pixels) / one
	if images <= count {
		return c
	}
	c.Input.Pixels = c.Input.Pixels[:count*one]
	c.Input.Mask = c.Input.Mask[:len(c.Input.Mask)/images*count]
	c.After.Values = c.After.Values[:len(c.After.Values)/images*count]
	return c
}

// march computes the model as it is, from the input of a case to a stage.
func (s *Search) march(ctx context.Context, c Case, stage engine.Stage) (*march, error) {
	m := &march{search: s, input: whatif.InputOf(c.Input), stage: stage, left: float64(s.effort)}
	m.want = whatif.RowsOf(c.After.Values, c.After.Shape[len(c.After.Shape)-1])
	m.aim = &target{want: m.want, limit: c.Limit}
	return m, m.plainly(ctx)
}

// agrees reports whether the model as it is agrees.
func (m *march) agrees() bool { return m.aim.limit.share(m.without) <= 1 }

// confirm computes the best walker on all images of the case, and returns the march in which it is the best, if it agrees there.
func (m *march) confirm(ctx context.Context, c Case) (*march, error) {
	all, err := m.search.march(ctx, c, m.stage)
	if err != nil {
		return nil, err
	}
	w := newWalker(m.best.hypotheses...)
	w.state = all.plain[0]
	if d := all.draft(w, engine.Stage{Kind: engine.Embed}, atEmbed); slices.Contains(w.applied, true) {
		if w.state, err = d.Embed(ctx, d.input); err != nil {
			return nil, err
		}
	}
	for i := range all.last() {
		if err := all.block(ctx, i, []*walker{w}); err != nil {
			return nil, err
		}
	}
	got, err := all.end(ctx, w)
	if err == nil {
		all.judge(w, got)
	}
	return all, err
}

// scoped is a hypothesis about one block, or, if block is negative, about all of the model.
type scoped struct {
	hypothesis
	block int
}

const allBlocks = -1

// everywhereOnly returns hypotheses about the whole model.
func everywhereOnly(all []hypothesis) (found []scoped) {
	for _, h := range all {
		if !h.alone {
			found = append(found, scoped{h, allBlocks})
		}
	}
	return found
}

// likeliest are the names of mistakes that programs and conversions make in all blocks, the likeliest first: for large models, not all can be tried.
var likeliest = []string{"epsilon", "normalisation", "channel-order", "activation", "transposed", "no-relative-position-bias", "all-reshaped", "order", "qkv-order", "qkv-layout"}

// unlikely returns how many mistakes are likelier.
func (h scoped) unlikely() int {
	at := slices.Index(likeliest, h.name)
	if at < 0 || h.name == "epsilon" && !h.concerns(pooled) { // that of one norm
		return len(likeliest)
	}
	return at
}

// endsOnly reports whether a hypothesis concerns nothing but what comes after the last block.
func (h scoped) endsOnly() bool {
	return !slices.ContainsFunc(h.at, func(p part) bool { return p != atPool && p != atLogits })
}

// walker is a model with mistakes on its way through the forward pass.
type walker struct {
	hypotheses []scoped
	notes      []string
	// state is the stream after the blocks so far.
	state *whatif.Rows
	// applied has for each hypothesis whether it changed something.
	applied  []bool
	distance drift.Distance
}

// plain returns the hypotheses without their places.
func (w *walker) plain() (all []hypothesis) {
	for _, h := range w.hypotheses {
		all = append(all, h.hypothesis)
	}
	return all
}

func newWalker(hypotheses ...scoped) *walker {
	return &walker{hypotheses: hypotheses, notes: make([]string, len(hypotheses)), applied: make([]bool, len(hypotheses))}
}

// with returns a walker at the same place with more mistakes.
func (w *walker) with(more ...scoped) *walker {
	next := newWalker(slices.Concat(w.hypotheses, more)...)
	copy(next.notes, w.notes)
	copy(next.applied, w.applied)
	next.state = w.state
	return next
}

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
	// plain are the streams before each block of the model as it is, and after the last, and without is how far that is from the reference.
	plain   []*whatif.Rows
	without drift.Distance
	// left is what may still be computed, and untried the number of hypotheses for which nothing was left.
	left    float64
	untried int
	tried   []*walker
	best    *walker
}

// last returns the number of blocks before the stage.
func (m *march) last() int {
	if m.stage.InBlock() {
		return m.stage.Block + 1
	}
	return m.search.model.Config.Depth
}

// plainly computes the model as it is.
func (m *march) plainly(ctx context.Context) error {
	w := newWalker()
	first, err := m.draft(w, engine.Stage{Kind: engine.Embed}, atEmbed).Embed(ctx, m.input)
	if err != nil {
		return err
	}
	m.plain = []*whatif.Rows{first}
	for i := range m.last() {
		block, err := m.draft(w, engine.Stage{Kind: engine.Block, Block: i}).Block(i)
		if err != nil {
			return err
		}
		state, err := m.through(ctx, block, i, m.plain[i])
		if err != nil {
			return err
		}
		m.plain = append(m.plain, state)
		m.search.model.Forget(prefix(i))
	}
	w.state = m.plain[len(m.plain)-1]
	got, err := m.end(ctx, w)
	if err == nil {
		m.without = m.apart(got)
		m.aim.without = m.without
	}
	return err
}

// through computes a block, or its attention branch if that is where it ends.
func (m *march) through(ctx context.Context, block *whatif.Block, i int, x *whatif.Rows) (*whatif.Rows, error) {
	if m.stage.Kind == engine.Attention && m.stage.Block == i {
		return block.Attention(ctx, x, nil)
	}
	return block.Stream(ctx, x, nil)
}

func (m *march) apart(got *whatif.Rows) drift.Distance {
	if len(got.Values) != len(m.want.Values) {
		return drift.Distance{MaxAbs: math.Inf(1), RMS: math.Inf(1)}
	}
	return drift.Compare(got.Values, m.want.Values)
}

// atEnds tries other ends for the model as it is: one change, or one of the pooling with one of the head.
func (m *march) atEnds(ctx context.Context) error {
	w := newWalker()
	w.state = m.plain[len(m.plain)-1]
	return m.endings(ctx, w, true)
}

// everywhere tries mistakes that all blocks share, or that come before them.
func (m *march) everywhere(ctx context.Context) error {
	var walkers []*walker
	for _, h := range everywhereOnly(hypotheses()) {
		if !h.endsOnly() {
			walkers = append(walkers, newWalker(h))
		}
	}
	slices.SortStableFunc(walkers, func(a, b *walker) int { return a.hypotheses[0].unlikely() - b.hypotheses[0].unlikely() })
	return m.run(ctx, 0, walkers)
}

// inBlocks tries mistakes in single blocks, the last first, since what follows is computed for each.
func (m *march) inBlocks(ctx context.Context) error {
	for i := m.last() - 1; i >= 0 && m.best == nil; i-- {
		if err := m.run(ctx, i, m.inBlock(i)); err != nil {
			return err
		}
	}
	return nil
}

// inBlock returns walkers with a mistake of the checkpoint in one block. Programs make the same mistake in all.
func (m *march) inBlock(i int) (walkers []*walker) {
	for _, h := range hypotheses() {
		if !h.whole && (h.side == "" || h.side == Checkpoint) && h.concerns(wholeBlock) {
			walkers = append(walkers, newWalker(scoped{h, i}))
		}
	}
	return walkers
}

// inPairs tries what alone came nearest together with all others.
func (m *march) inPairs(ctx context.Context) error {
	const better, most = 0.9, 4
	nearest := slices.DeleteFunc(slices.Clone(m.tried), func(w *walker) bool {
		return len(w.hypotheses) != 1 || w.hypotheses[0].endsOnly() || !(w.distance.RMS < better*m.without.RMS)
	})
	slices.SortStableFunc(nearest, func(a, b *walker) int { return cmp.Compare(a.distance.RMS, b.distance.RMS) })
	nearest = nearest[:min(most, len(nearest))]
	others := everywhereOnly(hypotheses())
	for i := range m.last() {
		for _, w := range m.inBlock(i) {
			others = append(others, w.hypotheses...)
		}
	}
	for _, one := range nearest {
		var walkers []*walker
		for _, h := range others {
			if first := one.hypotheses[0]; !h.endsOnly() && (h.name != first.name || h.says != first.says || h.block != first.block) {
				walkers = append(walkers, newWalker(one.hypotheses[0], h))
			}
		}
		if err := m.run(ctx, 0, walkers); err != nil || m.best != nil {
			return err
		}
	}
	return nil
}

// blockCost returns about how many operations a block takes.
func (m *march) blockCost() float64 {
	c, rows, tokens := float64(m.search.model.Config.EmbedDim), float64(m.plain[0].Count), float64(m.search.model.Config.Tokens())
	const overhead = 1e7 // of what is not proportional
	return rows*(24*c*c+4*tokens*c) + overhead
}

// headCost returns about how many operations pooling and head take.
func (m *march) headCost() float64 {
	return 2*float64(m.want.Count)*float64(m.search.model.Config.EmbedDim)*float64(m.want.Width) + float64(m.want.Width)*float64(m.want.Width)
}

// mostMemory bounds what walkers hold at once, in bytes.
const mostMemory = 1 << 30

// run moves walkers from before a block to the end, in groups that fit into memory and into what may be computed, and stops with the group that has a reason.
func (m *march) run(ctx context.Context, from int, walkers []*walker) error {
	const perRow = 8 * 12 // bytes for each channel of a row: the stream, queries, keys, values, hidden units
	group := max(4, mostMemory/(perRow*m.plain[0].Count*m.plain[0].Width))
	cost := m.blockCost()*float64(m.last()-from) + m.headCost()
	for len(walkers) > 0 {
		count := min(group, len(walkers))
		if affordable := m.left / cost; affordable < float64(count) {
			count = max(0, int(affordable))
		}
		if count == 0 {
			m.untried += len(walkers)
			return nil
		}
		m.left -= cost * float64(count)
		if err := m.group(ctx, from, walkers[:count]); err != nil || m.best != nil {
			return err
		}
		walkers = walkers[count:]
	}
	return nil
}

// group moves some walkers to the end.
func (m *march) group(ctx context.Context, from int, walkers []*walker) error {
	for _, w := range walkers {
		w.state = m.plain[from]
		if from > 0 {
			continue
		}
		d := m.draft(w, engine.Stage{Kind: engine.Embed}, atEmbed)
		if !slices.Contains(w.applied, true) {
			continue
		}
		var err error
		if w.state, err = d.Embed(ctx, d.input); err != nil {
			return err
		}
	}
	for i := from; i < m.last(); i++ {
		if err := m.block(ctx, i, walkers); err != nil {
			return err
		}
		m.search.model.Forget(prefix(i))
	}
	for _, w := range walkers {
		if err := m.endings(ctx, w, false); err != nil {
			return err
		}
	}
	return nil
}

// block moves walkers through block i. Those that nothing distinguishes share the result.
func (m *march) block(ctx context.Context, i int, walkers []*walker) error {
	shared := map[*whatif.Rows]*whatif.Rows{m.plain[i]: m.plain[i+1]}
	for _, w := range walkers {
		if err := ctx.Err(); err != nil {
			return err
		}
		d := m.draft(w, engine.Stage{Kind: engine.Block, Block: i}, atAttention, atMiddle, atMLP)
		before, changed := w.state, d.changed()
		if same := shared[before]; same != nil && !changed {
			w.state = same
			continue
		}
		block, err := d.Block(i)
		if err != nil {
			return err
		}
		if w.state, err = m.through(ctx, block, i, before); err != nil {
			return err
		}
		if !changed {
			shared[before] = w.state
		}
	}
	return nil
}

// draft returns the walker's model at one stage, where the hypotheses are applied that concern these parts of it.
func (m *march) draft(w *walker, stage engine.Stage, parts ...part) *draft {
	d := newDraft(m.search.model, m.input, stage)
	for i, h := range w.hypotheses {
		if !h.concerns(parts) || h.block != allBlocks && (!stage.InBlock() || stage.Block != h.block) {
			continue
		}
		d.note = ""
		if h.apply(d) {
			w.applied[i], w.notes[i] = true, d.note
		}
	}
	return d
}

// end computes the stage from the stream after the blocks.
func (m *march) end(ctx context.Context, w *walker) (*whatif.Rows, error) {
	if m.stage.Kind != engine.Pool && m.stage.Kind != engine.Logits {
		return w.state, nil
	}
	pooled, err := m.draft(w, engine.Stage{Kind: engine.Pool}, atPool).Pool(w.state)
	if err != nil || m.stage.Kind == engine.Pool {
		return pooled, err
	}
	return m.draft(w, engine.Stage{Kind: engine.Logits}, atLogits).Logits(ctx, pooled)
}

// endings compares a walker that is after the last block with the reference, under each hypothesis about what follows, and under those that follow from the
// results. If both is true it also tries one of the pooling with one of the head.
func (m *march) endings(ctx context.Context, w *walker, both bool) error {
	ends := []*walker{w}
	single := len(w.hypotheses) == 1 && w.hypotheses[0].block == allBlocks && 16*m.headCost() < m.blockCost()
	if m.stage.Kind == engine.Logits && (both || single) {
		for _, h := range everywhereOnly(hypotheses()) {
			if !h.endsOnly() {
				continue
			}
			for _, before := range slices.Clone(ends) {
				last := before.hypotheses
				if len(last) == len(w.hypotheses) || both && len(last) == len(w.hypotheses)+1 && !h.concerns(last[len(last)-1].at) {
					ends = append(ends, before.with(h))
				}
			}
		}
	}
	for _, e := range ends {
		got, err := m.end(ctx, e)
		if err != nil {
			return err
		}
		m.judge(e, got)
		if m.stage.Kind != engine.Logits || m.best != nil && m.best == e {
			continue
		}
		for _, h := range m.fromLogits(got, e == w) {
			solved := e.with(scoped{h, allBlocks})
			if got, err = m.end(ctx, solved); err != nil {
				return err
			}
			m.judge(solved, got)
			solved.state = nil
		}
	}
	for _, e := range ends {
		e.state = nil // it would be held for long
	}
	return ctx.Err()
}

// mostMatched is the number of classes up to which their order is solved for.
const mostMatched = 4096

// fromLogits returns hypotheses about the head that follow from results: another order of the classes, or, if factors, a factor.
func (m *march) fromLogits(got *whatif.Rows, factors bool) (all []hypothesis) {
	if len(got.Values) != len(m.want.Values) || got.Width > mostMatched {
		return nil
	}
	name := m.search.model.Config.HeadName()
	if order := orderOfClasses(m.want, got); order != nil {
		all = append(all, reordered("class-order", atLogits, "the classes are in another order", []string{name + ".weight", name + ".bias"}, order, inRows))
	}
	if !factors {
		return all
	}
	factor := dot(m.want.Values, got.Values) / dot(got.Values, got.Values)
	if rounded := round(factor); rounded > 0 && math.Abs(rounded-1) > slack && len(got.Values) > 2 {
		all = append(all, scaling(atLogits, "the logits are multiplied by "+factorText(rounded), rounded, name+".weight", name+".bias"))
	}
	return all
}

// clearly is how many times its own distance, and the tolerance, a difference must be if a model that agrees is to be an explanation: with whole models many are
// tried.
const clearly = 3

// judge compares the result of a walker with the reference, and keeps the best that agrees. One that comes later must be better by far.
func (m *march) judge(w *walker, got *whatif.Rows) {
	if len(w.hypotheses) == 0 || slices.Contains(w.applied, false) {
		return // it is another one, or the model as it is
	}
	w.distance = m.apart(got)
	m.tried = append(m.tried, w)
	limit := m.aim.limitOf(w.plain(), w.distance)
	agrees := limit.share(w.distance) <= 1 && w.distance.MaxAbs*clearly < m.without.MaxAbs
	if agrees && (m.best == nil || len(w.hypotheses) <= len(m.best.hypotheses) && w.distance.RMS < near*m.best.distance.RMS) {
		kept := *w
		m.best = &kept
	}
}

// target returns what findings are about.
func (m *march) target(stage string, c Case) *target {
	return &target{stage: stage, name: c.After.Name, want: m.want, limit: c.Limit, without: m.without}
}

// conclude returns the findings of the best walker.
func (m *march) conclude(c Case) []Finding {
	s, w := m.search, m.best
	start := newDraft(s.model, m.input, engine.Stage{})
	blocks := start.places
	place := func(d *draft, h scoped) {
		d.places = blocks
		if h.block != allBlocks {
			d.places = []string{prefix(h.block)}
		}
	}
	best := &trial{draft: start.copied(), hypotheses: w.plain(), notes: w.notes, distance: w.distance}
	best.limit = m.aim.limitOf(best.hypotheses, w.distance)
	best.share = best.limit.share(w.distance)
	for _, h := range w.hypotheses {
		place(best.draft, h)
		h.apply(best.draft)
	}
	var findings []Finding
	for i, h := range w.hypotheses {
		s.remember(h.hypothesis)
		place(start, h)
		f := m.target(h.stage(), c).finding(h.hypothesis, best, start, i)
		if m.without.MaxAbs < clearly*best.limit.Max {
			f.Sentence += fmt.Sprintf("; the difference is only %.2g times what is rounding, so it could be something else", m.without.MaxAbs/best.limit.Max)
		}
		findings = append(findings, f)
	}
	return findings
}

// stage returns the stage of the finding of a hypothesis: a single one if it concerns no other.
func (h scoped) stage() string {
	switch {
	case h.block != allBlocks:
		return engine.Stage{Kind: engine.Block, Block: h.block}.String()
	case slices.Equal(h.at, embed):
		return engine.Stage{Kind: engine.Embed}.String()
	case slices.Equal(h.at, pooled):
		return engine.Stage{Kind: engine.Pool}.String()
	case slices.Equal(h.at, head):
		return engine.Stage{Kind: engine.Logits}.String()
	}
	return WholeModel
}
