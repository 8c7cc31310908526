package blame

import (
	"context"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// targets returns what a stage alone has to be compared with: one target, or, if the reference has the attention branch of a block, that and the rest.
func (s *Search) targets(c Case, stage engine.Stage) []*target {
	width := s.model.Config.EmbedDim
	if decodes(s.config, stage) {
		return []*target{s.decoderTarget(c, stage)}
	}
	base := target{stage: stage.String(), name: stage.String(), limit: c.Limit}
	switch stage.Kind {
	case engine.Embed:
		base.parts, base.want = []part{atEmbed}, whatif.RowsOf(c.After.Values, width)
		base.compute = func(ctx context.Context, d *draft) (*whatif.Rows, error) { return d.Embed(ctx, d.input) }
		base.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return solveEmbed(ctx, &base, d) }
	case engine.Pool:
		x := whatif.RowsOf(c.Before.Values, width)
		base.parts, base.want = []part{atPool}, whatif.RowsOf(c.After.Values, width)
		base.compute = func(_ context.Context, d *draft) (*whatif.Rows, error) { return d.Pool(x) }
		base.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return solvePool(ctx, &base, d) }
	case engine.Logits:
		x := whatif.RowsOf(c.Before.Values, width)
		base.parts, base.want = []part{atLogits}, whatif.RowsOf(c.After.Values, s.model.Config.Classes)
		base.compute = func(ctx context.Context, d *draft) (*whatif.Rows, error) { return d.Logits(ctx, x) }
		base.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return solveLogits(ctx, &base, d) }
	default:
		return s.blockTargets(c, stage)
	}
	return []*target{&base}
}

// blockTargets returns the targets of a block.
func (s *Search) blockTargets(c Case, stage engine.Stage) []*target {
	b := newBlockCase(s, c, stage)
	name := engine.Stage{Kind: engine.Block, Block: stage.Block}.String()
	if stage.Kind == engine.Attention {
		return []*target{b.attention(name, c.After.Name, whatif.RowsOf(c.After.Values, b.x.Width), c.Limit)}
	}
	if c.Branch == nil {
		return []*target{b.stream(name, c.Limit)}
	}
	branch := whatif.RowsOf(c.Branch.Values, b.x.Width)
	if c.BranchLimit == (Limit{}) {
		c.BranchLimit = c.Limit
	}
	first, rest := b.attention(name, c.Branch.Name, branch, c.BranchLimit), b.rest(name, branch, c.Limit)
	first.beyond = func(ctx context.Context, d *draft) (bool, error) {
		distance, err := rest.distance(ctx, d)
		return err == nil && rest.limit.share(distance) <= 1, err
	}
	return []*target{first, rest}
}

// blockCase is a block between the reference's activations before and after it.
type blockCase struct {
	// tokens is the number of those of an image.
	block, tokens int
	x, after      *whatif.Rows
	// rows are the tokens that hypotheses are compared in; nil means all.
	rows []int
	// some are x at these tokens.
	some *whatif.Rows
}

func newBlockCase(s *Search, c Case, stage engine.Stage) *blockCase {
	width := s.model.Config.EmbedDim
	b := &blockCase{block: stage.Block, tokens: s.model.Config.Tokens(), x: whatif.RowsOf(c.Before.Values, width), after: whatif.RowsOf(c.After.Values, width)}
	b.rows = sample(b.x.Count, b.tokens)
	b.some = b.pick(b.x)
	return b
}

// sample returns the tokens of the first image that hypotheses are compared in: all, or, of many, the class token and some that lie apart.
func sample(count, tokens int) []int {
	const enough, few = 288, 32
	if count <= enough {
		return nil
	}
	rows := []int{0}
	for i := 1; i < few; i++ {
		rows = append(rows, 1+i*(tokens-2)/(few-1))
	}
	return slices.Compact(rows)
}

func (b *blockCase) pick(x *whatif.Rows) *whatif.Rows {
	if b.rows == nil {
		return x
	}
	return x.Pick(b.rows)
}

// keep returns the case with some of its tokens.
func (b *blockCase) keep(kept []int) *blockCase {
	part := *b
	part.rows = slices.Clone(kept)
	if b.rows != nil {
		for i, at := range kept {
			part.rows[i] = b.rows[at]
		}
	}
	part.some = b.some.Pick(kept)
	return &part
}

// stream is the residual stream after the block.
func (b *blockCase) stream(stage string, limit Limit) *target {
	t := &target{stage: stage, name: stage, parts: []part{atAttention, atMiddle, atMLP}, want: b.pick(b.after), limit: limit}
	of := func(ctx context.Context, d *draft, rows []int) (*whatif.Rows, error) {
		block, err := d.Block(b.block)
		if err != nil {
			return nil, err
		}
		return block.Stream(ctx, b.x, rows)
	}
	t.compute = func(ctx context.Context, d *draft) (*whatif.Rows, error) { return of(ctx, d, b.rows) }
	t.glimpse = b.glimpsing(of)
	t.confirm = b.confirming(b.after, func(ctx context.Context, d *draft) (*whatif.Rows, error) { return of(ctx, d, nil) })
	t.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return solveStream(ctx, b, t, d) }
	t.glance = func() *glance { return b.glance(b.after) }
	return t
}

// attention is the attention branch, which the reference has.
func (b *blockCase) attention(stage, name string, branch *whatif.Rows, limit Limit) *target {
	t := &target{stage: stage, name: name, parts: []part{atAttention}, want: b.pick(branch), limit: limit}
	of := func(ctx context.Context, d *draft, rows []int) (*whatif.Rows, error) {
		block, err := d.Block(b.block)
		if err != nil {
			return nil, err
		}
		return block.Attention(ctx, b.x, rows)
	}
	t.compute = func(ctx context.Context, d *draft) (*whatif.Rows, error) { return of(ctx, d, b.rows) }
	t.glimpse = b.glimpsing(of)
	t.confirm = b.confirming(branch, func(ctx context.Context, d *draft) (*whatif.Rows, error) { return of(ctx, d, nil) })
	t.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return solveAttention(ctx, b, t, d) }
	t.glance = func() *glance {
		g := b.glance(branch)
		g.attention = true
		return g
	}
	return t
}

// rest is the residual stream after the block, computed from the reference's attention branch.
func (b *blockCase) rest(stage string, branch *whatif.Rows, limit Limit) *target {
	t := &target{stage: stage, name: stage, parts: []part{atMiddle, atMLP}, done: attention, want: b.pick(b.after), limit: limit}
	of := func(ctx context.Context, d *draft, x, branch *whatif.Rows) (*whatif.Rows, error) {
		block, err := d.Block(b.block)
		if err != nil {
			return nil, err
		}
		return block.Finish(ctx, x, branch)
	}
	some := b.pick(branch)
	t.compute = func(ctx context.Context, d *draft) (*whatif.Rows, error) { return of(ctx, d, b.some, some) }
	t.glimpse = func(places []int) computing {
		x, branch := b.some.Pick(places), some.Pick(places)
		return func(ctx context.Context, d *draft) (*whatif.Rows, error) { return of(ctx, d, x, branch) }
	}
	t.confirm = b.confirming(b.after, func(ctx context.Context, d *draft) (*whatif.Rows, error) { return of(ctx, d, b.x, branch) })
	t.solve = func(ctx context.Context, d *draft) ([]hypothesis, error) { return solveRest(ctx, b, t, d, some) }
	t.glance = func() *glance {
		g := b.glance(b.after)
		g.branch = branch.Pick(g.rows)
		return g
	}
	return t
}

// glimpsing returns what computes some of the sampled tokens.
func (b *blockCase) glimpsing(compute func(ctx context.Context, d *draft, rows []int) (*whatif.Rows, error)) func(places []int) computing {
	return func(places []int) computing {
		rows := slices.Clone(places)
		if b.rows != nil {
			for i, place := range places {
				rows[i] = b.rows[place]
			}
		}
		return func(ctx context.Context, d *draft) (*whatif.Rows, error) { return compute(ctx, d, rows) }
	}
}

// confirming returns the comparison in all tokens, or nil if some are all.
func (b *blockCase) confirming(
	want *whatif.Rows, compute func(ctx context.Context, d *draft) (*whatif.Rows, error),
) func(ctx context.Context, d *draft) (drift.Distance, error) {
	if b.rows == nil {
		return nil
	}
	return func(ctx context.Context, d *draft) (drift.Distance, error) {
		got, err := compute(ctx, d)
		if err != nil {
			return drift.Distance{}, err
		}
		return drift.Compare(got.Values, want.Values), nil
	}
}
