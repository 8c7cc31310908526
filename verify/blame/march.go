package blame

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// findInModel looks for a mistake that all blocks share, or that is outside of blocks, if the reference does not have the activation before the stage.
func (s *Search) findInModel(ctx context.Context, c Case, stage engine.Stage) ([]Finding, error) {
	walkers := []*walker{{}}
	for _, h := range hypotheses() {
		if !h.alone {
			walkers = append(walkers, &walker{hypotheses: []hypothesis{h}})
		}
	}
	m := march{search: s, input: whatif.InputOf(c.Input), stage: stage}
	if err := m.run(ctx, walkers); err != nil {
		return nil, err
	}
	want := whatif.RowsOf(c.After.Values, c.After.Shape[len(c.After.Shape)-1])
	t := &target{stage: WholeModel, name: c.After.Name, want: want, limit: c.Limit}
	start := newDraft(s.model, m.input, engine.Stage{})
	var best *trial
	for i, w := range walkers {
		distance := drift.Distance{MaxAbs: math.Inf(1), RMS: math.Inf(1)}
		if !w.lost && len(w.state.Values) == len(want.Values) {
			distance = drift.Compare(w.state.Values, want.Values)
		}
		if i == 0 {
			t.without = distance
			if c.Limit.share(distance) <= 1 {
				return s.healthy(t), nil
			}
			continue
		}
		limit := t.limitOf(w.hypotheses, distance)
		share := limit.share(distance)
		one := &trial{hypotheses: w.hypotheses, notes: w.notes, distance: distance, limit: limit, share: share}
		if share <= 1 && distance.RMS < t.without.RMS && one.better(best) {
			best = one
		}
	}
	if best != nil {
		best.draft = start.copied()
		for _, h := range best.hypotheses {
			h.apply(best.draft)
		}
	}
	if best == nil {
		return s.lost(ctx, t)
	}
	return s.conclude(t, start, best).findings, nil
}

// walker is a model with mistakes on its way through the forward pass.
type walker struct {
	// hypotheses are the mistakes, the same in all blocks.
	hypotheses []hypothesis
	notes      []string
	// state is the stream after the blocks so far, or the result.
	state *whatif.Rows
	// applied means that a hypothesis changed something; lost that none did up to the end.
	applied, lost bool
}

// march computes several models at once, block by block, so that each block's parameters are read once and what is the same is computed once.
type march struct {
	search *Search
	input  whatif.Input
	// stage is where it ends.
	stage engine.Stage
}

// draft returns the walker's model at one stage, where the hypotheses are applied.
func (m *march) draft(w *walker, stage engine.Stage, parts ...part) *draft {
	d := newDraft(m.search.model, m.input, stage)
	for i, h := range w.hypotheses {
		if !h.concerns(parts) {
			continue
		}
		d.note = ""
		if h.apply(d) {
			w.applied = true
			for len(w.notes) <= i {
				w.notes = append(w.notes, "")
			}
			w.notes[i] = d.note
		}
	}
	return d
}

// run moves all walkers to the end.
func (m *march) run(ctx context.Context, walkers []*walker) error {
	model := m.search.model
	defer model.Forget()
	each := func(step func(w *walker) (*whatif.Rows, error)) error {
		for _, w := range walkers {
			state, err := step(w)
			if err != nil {
				return err
			}
			w.state = state
		}
		return ctx.Err()
	}
	plain, err := newDraft(model, m.input, engine.Stage{Kind: engine.Embed}).Embed(ctx, m.input)
	if err != nil {
		return err
	}
	err = each(func(w *walker) (*whatif.Rows, error) {
		before := w.applied
		w.applied = false
		d := m.draft(w, engine.Stage{Kind: engine.Embed}, atEmbed)
		changed := w.applied
		w.applied = before || changed
		if !changed {
			return plain, nil
		}
		return d.Embed(ctx, d.input)
	})
	if err != nil {
		return err
	}
	for i := range model.Config.Depth {
		if m.stage.InBlock() && i > m.stage.Block {
			break
		}
		if err := m.block(ctx, i, each); err != nil {
			return err
		}
		model.Forget(prefix(i))
	}
	return m.end(ctx, walkers, each)
}

// blockKey identifies what an unchanged block makes of a stream.
type blockKey struct {
	x     *whatif.Rows
	block int
}

// block moves all walkers through block i. Those that nothing distinguishes share the result.
func (m *march) block(ctx context.Context, i int, each func(func(*walker) (*whatif.Rows, error)) error) error {
	shared := make(map[blockKey]*whatif.Rows)
	return each(func(w *walker) (*whatif.Rows, error) {
		d := m.draft(w, engine.Stage{Kind: engine.Block, Block: i}, atAttention, atMiddle, atMLP)
		changed := d.changed()
		if same := shared[blockKey{w.state, i}]; same != nil && !changed {
			return same, nil
		}
		block, err := d.Block(i)
		if err != nil {
			return nil, err
		}
		attending := m.stage.Kind == engine.Attention && m.stage.Block == i
		var state *whatif.Rows
		if attending {
			state, err = block.Attention(ctx, w.state, nil)
		} else {
			state, err = block.Stream(ctx, w.state, nil)
		}
		if err == nil && !changed {
			shared[blockKey{w.state, i}] = state
		}
		return state, err
	})
}

// end moves all walkers from the last block to the stage.
func (m *march) end(ctx context.Context, walkers []*walker, each func(func(*walker) (*whatif.Rows, error)) error) error {
	if m.stage.Kind == engine.Pool || m.stage.Kind == engine.Logits {
		err := each(func(w *walker) (*whatif.Rows, error) {
			return m.draft(w, engine.Stage{Kind: engine.Pool}, atPool).Pool(w.state)
		})
		if err != nil {
			return err
		}
	}
	if m.stage.Kind == engine.Logits {
		err := each(func(w *walker) (*whatif.Rows, error) {
			return m.draft(w, engine.Stage{Kind: engine.Logits}, atLogits).Logits(ctx, w.state)
		})
		if err != nil {
			return err
		}
	}
	for _, w := range walkers {
		w.lost = len(w.hypotheses) > 0 && !w.applied
	}
	return nil
}
