package blame

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify/blame/loss"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// lost returns findings about what the file shows to be lost, if other values there would move the result about as far as it is from the reference. That
// is no proof, and the sentences say so.
func (m *march) lost(ctx context.Context, c Case) ([]Finding, error) {
	if err := m.search.look(ctx); err != nil {
		return nil, err
	}
	// What all blocks have may be how the model is: it is told only if there is nothing else.
	alone := slices.DeleteFunc(slices.Clone(m.search.suspicions), func(one loss.Suspicion) bool { return one.Throughout })
	oddities := odditiesOf(alone)
	if len(alone) == 0 {
		oddities = odditiesOf(m.search.suspicions)
	}
	var findings []Finding
	for _, odd := range oddities {
		moves, known, err := m.all.moves(ctx, odd)
		if err != nil {
			return nil, err
		}
		if moves || !known && (len(alone) > 0 || len(oddities) == 1) {
			findings = append(findings, m.all.lostFinding(c, odd))
		}
	}
	for i := range findings {
		others := "nothing else in the file is odd"
		if len(oddities) > 1 {
			others = fmt.Sprintf("it is one of %d oddities in the file", len(oddities))
		}
		findings[i].Sentence += "; " + others + ", and no other mistake that was tried explains the difference"
	}
	return findings, nil
}

// oddity are suspicions of one kind about the same parameter of several blocks, or about parameters of one block that are those of another.
type oddity []loss.Suspicion

// odditiesOf groups suspicions, the most certain first.
func odditiesOf(suspicions []loss.Suspicion) (all []oddity) {
	of := make(map[string]int)
	for _, s := range suspicions {
		key := string(s.Kind) + strings.TrimPrefix(s.Tensor, prefix(blockOf(s.Tensor)))
		if s.Kind == loss.Copy {
			a, b := blockOf(s.Tensor), blockOf(s.Of)
			key = fmt.Sprint(s.Kind, min(a, b), max(a, b))
		}
		at, known := of[key]
		if !known {
			at = len(all)
			of[key], all = at, append(all, nil)
		}
		all[at] = append(all[at], s)
	}
	slices.SortStableFunc(all, func(a, b oddity) int { return cmp.Compare(rankOf(a[0]), rankOf(b[0])) })
	return all
}

// lostFinding returns the finding about an oddity. Nothing restores it.
func (m *march) lostFinding(c Case, odd oddity) Finding {
	const most = 4
	var names []string
	for _, s := range odd {
		names = append(names, s.Tensor)
	}
	f := Finding{
		Stage: WholeModel, Hypothesis: lostNames[rankOf(odd[0])].name, Side: Checkpoint, Tensors: names, Sentence: odd[0].Sentence,
		Advice:   "take " + text.List(names, most, "") + " from another copy of the checkpoint",
		Distance: m.without.MaxAbs, Without: m.without.MaxAbs, Tolerance: c.Limit.Max,
	}
	if len(odd) == 1 {
		f.Stage, f.Where = stageReading(m.search.config, names[0]), Place{Element: odd[0].Element}
	} else {
		f.Sentence += ", and so it is with " + text.List(names[1:], most, "")
	}
	f.Sentence += isLost
	return f
}

// stageReading returns the name of the stage that reads a parameter.
func stageReading(config arch.Config, name string) string {
	if block := blockOf(name); block >= 0 {
		return strings.TrimSuffix(prefix(block), ".")
	}
	if strings.HasPrefix(name, "rel_pos_bias.") {
		return WholeModel
	}
	for _, stage := range engine.Stages(config) {
		if stage.Reads(config, name) {
			return stage.String()
		}
	}
	return "embed"
}

// aboutAsFar is how many times as far, or as near, other values may move the result as it is from the reference.
const aboutAsFar = 16

// moves reports whether other values of what is odd move the result about as far as it is from the reference, and whether something shows what values there could be.
func (m *march) moves(ctx context.Context, odd oddity) (moves, known bool, err error) {
	other := make(map[string]*whatif.Tensor)
	for _, s := range odd {
		t, err := m.instead(s)
		if err != nil {
			return false, true, err
		}
		if t != nil {
			other[s.Tensor] = t
		}
	}
	if len(other) == 0 {
		return false, false, nil
	}
	w := m.walker(scoped{hypothesis{at: wholeModel, apply: func(d *draft) bool {
		done := false
		for name, t := range other {
			if block := blockOf(name); slices.Contains(d.places, placeOf(block)) {
				d.set(name, "", t)
				done = true
			}
		}
		return done
	}}, allBlocks})
	if err := m.advance(ctx, 0, []*walker{w}); err != nil {
		return false, true, err
	}
	moved, err := m.end(ctx, w)
	if err != nil {
		return false, true, err
	}
	plain, err := m.end(ctx, m.atEnd())
	if err != nil {
		return false, true, err
	}
	far := drift.Compare(moved.Values, plain.Values).RMS
	return far > m.without.RMS/aboutAsFar && far < m.without.RMS*aboutAsFar, true, nil
}

// placeOf returns the prefix of a block, or of what is in none if block is negative.
func placeOf(block int) string {
	if block < 0 {
		return ""
	}
	return prefix(block)
}

// instead returns values that a suspected parameter may have had: those of the nearest block that is not suspected, or, if it was rounded, any that
// round to them. It returns nil if there are none.
func (m *march) instead(s loss.Suspicion) (*whatif.Tensor, error) {
	own, err := m.search.model.Tensor(s.Tensor)
	if err != nil {
		return nil, err
	}
	if s.Kind == loss.Rounded {
		return own.Map(func(values []float64) []float64 { return unrounded(values, s.DType) }), nil
	}
	block := blockOf(s.Tensor)
	if block < 0 {
		return nil, nil
	}
	for _, near := range m.search.nearby(block) {
		name := prefix(near) + strings.TrimPrefix(s.Tensor, prefix(block))
		suspected := func(other loss.Suspicion) bool { return other.Tensor == name }
		if !slices.ContainsFunc(m.search.suspicions, suspected) && m.search.model.Has(name) {
			return m.search.model.Tensor(name)
		}
	}
	return nil, nil
}
