package blame

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// recordedElsewhere is the hypothesis that an attention branch was recorded from another place of the program.
const recordedElsewhere = "recorded-elsewhere"

// branchCase is a block of which the reference has the stream before it, after it, and a branch.
type branchCase struct {
	*blockCase
	name                     string
	model                    *whatif.Block
	branch, own              *whatif.Rows
	branchLimit, streamLimit Limit
}

// elsewhere returns the finding that what the reference calls the attention branch of a block is something else: with it the rest of the block does not lead to
// the reference's stream. It returns nil if the branch is right, or may be the fault of the program: if the model's own branch does not lead there either, and
// it is nothing that is known.
func (s *Search) elsewhere(ctx context.Context, c Case, stage engine.Stage) (*Finding, error) {
	b, err := s.branchCase(ctx, c, stage)
	if err != nil || b == nil {
		return nil, err
	}
	without := drift.Compare(b.own.Values, b.branch.Values)
	if b.branchLimit.share(without) <= 1 || !drift.AllFinite(b.branch.Values) {
		return nil, nil
	}
	if share, err := b.leadsOn(ctx, b.branch); err != nil || share <= 1 {
		return nil, err
	}
	f := &Finding{Stage: b.name, Hypothesis: recordedElsewhere, Side: Recording, Without: without.MaxAbs, Distance: without.MaxAbs, Tolerance: b.branchLimit.Max}
	f.Advice = "name the module that gives the branch after attn.proj to the recording script: --map 'blocks.{i}.attn=MODULE'"
	places, err := b.places(ctx)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		limit := b.branchLimit.times(max(1, largestOf(place.values.Values)/largestOf(b.own.Values)))
		distance := drift.Compare(place.values.Values, b.branch.Values)
		if limit.share(distance) > 1 {
			continue
		}
		f.Distance, f.Tolerance = distance.MaxAbs, limit.Max
		f.says = "the attention branch is taken " + place.says + ": so it was recorded, and what is added to the stream is another"
		f.Sentence = f.agrees(f.Stage + " agrees")
		return f, nil
	}
	if share, err := b.leadsOn(ctx, b.own); err != nil || share > 1 {
		return nil, err
	}
	f.says = "what was recorded as the attention branch is left out: it is something else, or damaged, since the stream after the block agrees"
	f.Sentence = f.agrees(f.Stage + " agrees")
	return f, nil
}

// branchCase returns the block of a case with its branch; nil if the reference does not have all of it.
func (s *Search) branchCase(ctx context.Context, c Case, stage engine.Stage) (*branchCase, error) {
	b := &branchCase{branchLimit: c.BranchLimit, streamLimit: c.Limit}
	branch, stream := c.Branch, &c.After
	if stage.Kind == engine.Attention {
		after := c.After
		branch, stream, b.branchLimit, b.streamLimit = &after, c.Stream, c.Limit, c.StreamLimit
	}
	if !stage.InBlock() || c.Before == nil || branch == nil || stream == nil || b.branchLimit == (Limit{}) {
		return nil, nil
	}
	c.After = *stream
	b.name, b.blockCase = branch.Name, newBlockCase(s, c, stage)
	b.branch = b.pick(whatif.RowsOf(branch.Values, b.x.Width))
	var err error
	if b.model, err = newDraft(s.model, whatif.InputOf(c.Input), stage).Block(stage.Block); err != nil {
		return nil, err
	}
	b.own, err = b.model.Attention(ctx, b.x, b.rows)
	return b, err
}

// leadsOn returns how far from the reference's stream a branch leads, as a share of what rounding does.
func (b *branchCase) leadsOn(ctx context.Context, branch *whatif.Rows) (float64, error) {
	got, err := b.model.Finish(ctx, b.some, branch)
	if err != nil {
		return 0, err
	}
	return b.streamLimit.share(drift.Compare(got.Values, b.pick(b.after).Values)), nil
}

// places returns what a program has in a block beside the branch, in the same shape.
func (b *branchCase) places(ctx context.Context) ([]place, error) {
	heads, err := b.model.Context(ctx, b.x, b.rows)
	if err != nil {
		return nil, err
	}
	middle := b.model.Middle(b.some, b.own)
	mlp, err := b.model.MLP(ctx, middle)
	if err != nil {
		return nil, err
	}
	return []place{
		{"before attn.proj", heads},
		{"after it is added to the stream", middle},
		{"from the stream before the block", b.some},
		{"before qkv, after norm1", b.model.NormedAttention(b.some)},
		{"from the stream after the block", b.pick(b.after)},
		{"from the MLP, after mlp.fc2", mlp},
	}, nil
}

// place is something that a program has in a block.
type place struct {
	says   string
	values *whatif.Rows
}

// times returns the limit for values that are larger by a factor.
func (l Limit) times(factor float64) Limit { return Limit{Max: l.Max * factor, RMS: l.RMS * factor} }
