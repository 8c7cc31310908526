package blame

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Of two mistakes in one block none needs to bring the result nearer alone, so that no search that goes from one to the next finds them. In narrow models all
// pairs of listed mistakes are computed, in a few tokens of one image: each one of the attention with each one of what follows in one batch, each two of what
// follows, and each one that concerns both with all others. Of two in the attention, the first is one of those that come nearest alone.

const (
	// glanced is the number of tokens in which pairs are computed.
	glanced = 3
	// gross is how many limits a stage must be off if all pairs are tried: so many would explain by chance what is small.
	gross = 30
	// firsts is the number of mistakes in the attention that are taken with all others.
	firsts = 24
	// nearly is the share of the difference that a pair may leave in those tokens if it is to be tried in all, and tries how many are.
	nearly, tries = 0.02, 4
)

// glance is a block in a few tokens of the first image.
type glance struct {
	block int
	// image is the stream before the block of the whole image, x that of the tokens, and want what the reference has.
	image, x, want *whatif.Rows
	rows           []int
	// branch is the attention branch if the reference has it and what follows is looked at, else nil. attention means that want is that branch.
	branch    *whatif.Rows
	attention bool
}

// glance returns the block in a few tokens. want is what the reference has, in all tokens.
func (b *blockCase) glance(want *whatif.Rows) *glance {
	tokens := min(b.tokens, b.x.Count)
	g := &glance{block: b.block, image: whatif.RowsOf(b.x.Values[:tokens*b.x.Width], b.x.Width)}
	for i := range min(glanced, tokens) {
		g.rows = append(g.rows, i*(tokens-1)/max(1, glanced-1))
	}
	g.x, g.want = g.image.Pick(g.rows), want.Pick(g.rows)
	return g
}

// attended returns the attention branch of a draft in the tokens.
func (g *glance) attended(ctx context.Context, d *draft) (*whatif.Rows, error) {
	if g.branch != nil {
		return g.branch, nil
	}
	block, err := d.Block(g.block)
	if err != nil {
		return nil, err
	}
	return block.Attention(ctx, g.image, g.rows)
}

// finished returns how far a draft is from the reference with each of these attention branches, which lie one after the other.
func (g *glance) finished(ctx context.Context, d *draft, branches []float64) ([]float64, error) {
	size := len(g.x.Values)
	got, count := whatif.RowsOf(branches, g.x.Width), len(branches)/size
	if !g.attention {
		block, err := d.Block(g.block)
		if err != nil {
			return nil, err
		}
		if got, err = block.Finish(ctx, whatif.RowsOf(slices.Repeat(g.x.Values, count), g.x.Width), got); err != nil {
			return nil, err
		}
	}
	far := make([]float64, count)
	for i := range far {
		far[i] = drift.Compare(got.Values[i*size:(i+1)*size], g.want.Values).RMS
	}
	return far, nil
}

// combination is some hypotheses together, and how far they are from the reference in the tokens of a glance.
type combination struct {
	hypotheses []hypothesis
	far        float64
}

// crossing collects the combinations that come nearest.
type crossing struct {
	*glance
	start *draft
	best  []combination
}

// add keeps a combination if it is among the best.
func (c *crossing) add(far float64, hypotheses ...hypothesis) {
	if math.IsNaN(far) || len(c.best) == tries && far >= c.best[tries-1].far {
		return
	}
	at, _ := slices.BinarySearchFunc(c.best, far, func(one combination, far float64) int { return cmp.Compare(one.far, far) })
	c.best = slices.Insert(c.best, at, combination{hypotheses, far})
	c.best = c.best[:min(tries, len(c.best))]
}

// with returns the start with hypotheses, or nil if one does not apply.
func (c *crossing) with(hypotheses ...hypothesis) *draft {
	d := c.start.copied()
	for _, h := range hypotheses {
		if !h.apply(d) {
			return nil
		}
	}
	return d
}

// applied returns those of the hypotheses that apply, with their drafts.
func (c *crossing) applied(known []hypothesis, which func(h hypothesis) bool) (own []hypothesis, drafts []*draft) {
	for _, h := range known {
		if !which(h) || h.general {
			continue
		}
		if d := c.with(h); d != nil {
			own, drafts = append(own, h), append(drafts, d)
		}
	}
	return own, drafts
}

// crosses reports whether all pairs are tried for a target.
func (s *Search) crosses(t *target, start *trial) bool {
	const narrow = 96
	return t.glance != nil && s.model.Config.EmbedDim <= narrow && start.share > gross
}

// crossed looks for two listed hypotheses that together agree with the target.
func (s *Search) crossed(ctx context.Context, t *target, start *trial, known []hypothesis) (*trial, error) {
	c := &crossing{glance: t.glance(), start: start.draft}
	if err := c.search(ctx, known); err != nil {
		return nil, err
	}
	for _, one := range c.best {
		if one.far > nearly*start.distance.RMS {
			break
		}
		next, err := t.try(ctx, start, one.hypotheses...)
		if err != nil {
			return nil, err
		}
		if next == nil || next.share > 1 {
			continue
		}
		if agrees, err := t.agrees(ctx, next, one.hypotheses...); err != nil || agrees {
			return next, err
		}
	}
	return nil, nil
}

// search computes the combinations.
func (c *crossing) search(ctx context.Context, known []hypothesis) error {
	plain, err := c.attended(ctx, c.start)
	if err != nil {
		return err
	}
	branches := slices.Clone(plain.Values)
	before, drafts := c.applied(known, func(h hypothesis) bool { return c.attention || c.branch == nil && !h.exceeds(attention) })
	for _, d := range drafts {
		branch, err := c.attended(ctx, d)
		if err != nil {
			return err
		}
		branches = append(branches, branch.Values...)
	}
	if err := c.beforehand(ctx, before, branches); err != nil || c.attention {
		return err
	}
	after, drafts := c.applied(known, func(h hypothesis) bool { return !h.exceeds(sums) })
	for i, d := range drafts {
		far, err := c.finished(ctx, d, branches)
		if err != nil {
			return err
		}
		for j, h := range before {
			c.add(far[1+j], h, after[i])
		}
	}
	if err := c.each(ctx, after, after, plain); err != nil || c.branch != nil {
		return err
	}
	both, _ := c.applied(known, func(h hypothesis) bool { return h.side != Program && h.exceeds(attention) && h.exceeds(sums) })
	return c.each(ctx, both, slices.Concat(before, after), nil)
}

// each computes each of some hypotheses with all others, with that attention branch, or, if it is nil, with their own.
func (c *crossing) each(ctx context.Context, some, others []hypothesis, branch *whatif.Rows) error {
	for i, one := range some {
		for j, other := range others {
			if branch != nil && j >= i { // both are the same
				break
			}
			d := c.with(other, one)
			if d == nil {
				continue
			}
			own, err := branch, error(nil)
			if own == nil {
				own, err = c.attended(ctx, d)
			}
			if err != nil {
				return err
			}
			far, err := c.finished(ctx, d, own.Values)
			if err != nil {
				return err
			}
			c.add(far[0], other, one)
		}
	}
	return nil
}

// beforehand computes two hypotheses about the attention: those that come nearest alone, each with all others. branches has those of single ones, after that of
// the start.
func (c *crossing) beforehand(ctx context.Context, before []hypothesis, branches []float64) error {
	far, err := c.finished(ctx, c.start, branches)
	if err != nil {
		return err
	}
	order := make([]int, len(before))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far[1+a], far[1+b]) })
	var nearest []hypothesis
	for _, i := range order[:min(firsts, len(order))] {
		nearest = append(nearest, before[i])
	}
	return c.each(ctx, nearest, before, nil)
}
