package blame

import (
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

// atEnds tries other ends for the model as it is: one change, or one of the pooling with one of the head.
func (m *march) atEnds(ctx context.Context) error {
	if err := m.endings(ctx, m.atEnd(), true); err != nil {
		return err
	}
	return m.choose(ctx)
}

// endings compares a walker that is after the last block with the reference, under each hypothesis about what follows, and under those that follow from the
// results. If both is true it also tries one of the pooling with one of the head.
func (m *march) endings(ctx context.Context, w *walker, both bool) error {
	ends := []*walker{w}
	single := len(w.hypotheses) == 1 && w.hypotheses[0].block == allBlocks && 16*m.headCost() < m.blockCost()
	if m.hasEnds() && (both || single) {
		ends = append(ends, m.otherEnds(w, both)...)
	}
	for i, e := range ends {
		if !m.affords(i) {
			continue
		}
		got, err := m.end(ctx, e)
		if err != nil {
			return err
		}
		agrees := m.judge(e, got)
		if agrees && m.search.config.Segments() && m.aim.limit.share(e.distance) < settledShare {
			break // there are hundreds, each of which takes as long as the model
		}
		if !m.hasEnds() || agrees {
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
		e.state, e.streams = nil, nil // they would be held for long
	}
	return ctx.Err()
}

// hasEnds reports whether something follows the blocks that may be another.
func (m *march) hasEnds() bool {
	return m.stage.Kind == engine.Logits || decodes(m.search.config, m.stage)
}

// affords takes what an end costs from what may still be computed, if it is that of UPerNet, which takes more than its blocks. The first few are computed in any case.
func (m *march) affords(i int) bool {
	const always = 6
	if !m.search.config.Segments() || i <= always {
		return true
	}
	if cost := m.headCost(); cost <= m.left {
		m.left -= cost
		return true
	}
	m.untried++
	return false
}

// otherEnds returns walkers with other ends. If both is true, those that are tried on single stages only are among them, and one of the pooling with one of the head.
func (m *march) otherEnds(w *walker, both bool) (ends []*walker) {
	for _, h := range m.search.hypotheses() {
		h := scoped{h, allBlocks}
		if !h.endsOnly() || h.alone && !both {
			continue
		}
		for _, before := range slices.Clone(ends) {
			last := before.hypotheses
			if both && !h.alone && len(last) == len(w.hypotheses)+1 && !last[len(last)-1].alone && !h.concerns(last[len(last)-1].at) {
				ends = append(ends, before.with(h))
			}
		}
		ends = append(ends, w.with(h))
	}
	return ends
}

// mostMatched is the number of classes up to which their order is solved for.
const mostMatched = 4096

// fromLogits returns hypotheses about the head that follow from results: another order of the classes, or, if factors, a factor.
func (m *march) fromLogits(got *whatif.Rows, factors bool) (all []hypothesis) {
	if len(got.Values) != len(m.want.Values) || got.Width > mostMatched || got.Width != m.search.config.Classes {
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

// judge compares the result of a walker with the reference, and reports whether it explains the difference.
func (m *march) judge(w *walker, got *whatif.Rows) bool {
	if len(w.hypotheses) == 0 || slices.Contains(w.applied, false) {
		return false // it is another one, or the model as it is
	}
	m.count++
	m.tried = append(m.tried, w)
	agrees := m.explains(w, got)
	if agrees {
		m.candidates = append(m.candidates, w)
	}
	return agrees
}

// explains sets the distance of a walker from the reference, and reports whether it explains the difference.
func (m *march) explains(w *walker, got *whatif.Rows) bool {
	w.distance = apart(got, m.want)
	return m.aim.limitOf(w.plain(), w.distance).share(w.distance) <= 1 && w.distance.MaxAbs*clearly < m.without.MaxAbs
}

// choose takes the best of the candidates that agrees in all images. Among those with as many mistakes, one that comes later must be better by far.
func (m *march) choose(ctx context.Context) error {
	for len(m.candidates) > 0 && m.best == nil {
		best := m.candidates[0]
		for _, w := range m.candidates[1:] {
			if len(w.hypotheses) < len(best.hypotheses) || len(w.hypotheses) == len(best.hypotheses) && w.distance.RMS < near*best.distance.RMS {
				best = w
			}
		}
		m.candidates = slices.DeleteFunc(m.candidates, func(w *walker) bool { return w == best })
		confirmed, agrees, err := m.confirm(ctx, best)
		if err != nil {
			return err
		}
		if agrees {
			m.best = confirmed
		}
	}
	m.candidates = nil
	return nil
}

// confirm computes a walker on all images of the case, and reports whether it agrees there.
func (m *march) confirm(ctx context.Context, best *walker) (*walker, bool, error) {
	if m.all == m {
		return best, true, nil
	}
	w := newWalker(best.hypotheses...)
	if err := m.all.advance(ctx, w.first(), []*walker{w}); err != nil {
		return nil, false, err
	}
	got, err := m.all.end(ctx, w)
	if err != nil {
		return nil, false, err
	}
	return w, m.all.explains(w, got), nil
}
