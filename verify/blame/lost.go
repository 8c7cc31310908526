package blame

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/verify/blame/loss"
)

// lostNames are the names of hypotheses about what was lost, the most certain first.
var lostNames = []struct {
	kind loss.Kind
	name string
}{
	{loss.NotFinite, "non-finite"},
	{loss.Zero, "zero"},
	{loss.Ones, "ones"},
	{loss.Constant, "constant"},
	{loss.Copy, "copy"},
	{loss.Rounded, "rounded"},
	{loss.ZeroSlices, "zero-slices"},
	{loss.Repeated, "repeated"},
	{loss.Initial, "initial-value"},
	{loss.Outlier, "outlier"},
}

// isLost ends the sentence about what nothing restores.
const isLost = ": what it was is lost"

// lost returns findings about what the file shows of the parameters that can affect a target which nothing explains. There are no edits: nothing restores them.
func (s *Search) lost(ctx context.Context, t *target) ([]Finding, error) {
	const most = 6
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	type ranked struct {
		loss.Suspicion
		rank int
	}
	var own []ranked
	for _, one := range s.suspicions {
		rank := slices.IndexFunc(lostNames, func(n struct {
			kind loss.Kind
			name string
		},
		) bool {
			return n.kind == one.Kind
		})
		if rank >= 0 && s.reads(t, one.Tensor) {
			own = append(own, ranked{one, rank})
		}
	}
	slices.SortStableFunc(own, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	var findings []Finding
	for _, one := range own[:min(most, len(own))] {
		findings = append(findings, Finding{
			Stage: t.stage, Hypothesis: lostNames[one.rank].name, Side: Checkpoint, Tensors: []string{one.Tensor}, Where: Place{Element: one.Element},
			Sentence: one.Sentence + isLost, Advice: "take " + one.Tensor + " from another copy of the checkpoint",
			Distance: t.without.MaxAbs, Without: t.without.MaxAbs, Tolerance: t.limit.Max,
		})
	}
	return findings, nil
}

// recovered returns findings with what the file shows in place of the one that a vector has values that do not follow from the stored ones. What restores the
// vector stays.
func (s *Search) recovered(ctx context.Context, t *target, findings []Finding) ([]Finding, error) {
	if len(findings) != 1 || findings[0].Hypothesis != anotherVector {
		return findings, nil
	}
	lost, err := s.lost(ctx, t)
	if err != nil || len(lost) == 0 || lost[0].Hypothesis == "initial-value" || lost[0].Hypothesis == "outlier" {
		return findings, err
	}
	found, seen := findings[0], lost[0]
	seen.Sentence = strings.TrimSuffix(seen.Sentence, isLost) + ": " + found.Sentence
	seen.Distance, seen.Tolerance, seen.Edits = found.Distance, found.Tolerance, found.Edits
	return []Finding{seen}, nil
}

// reads reports whether a target depends on the parameter of that name.
func (s *Search) reads(t *target, name string) bool {
	if t.stage == WholeModel {
		return true
	}
	if rest, inBlock := strings.CutPrefix(name, t.stage+"."); inBlock {
		return slices.Contains(t.parts, partOf(rest))
	}
	if strings.HasPrefix(name, "blocks.") {
		return false
	}
	part := atEmbed
	switch {
	case strings.HasPrefix(name, "rel_pos_bias."):
		part = atAttention
	case strings.HasPrefix(name, s.model.Config.NormName()+"."):
		part = atPool
	case strings.HasPrefix(name, s.model.Config.HeadName()+"."):
		part = atLogits
	}
	return slices.Contains(t.parts, part)
}

// partOf returns the part that reads a parameter of a block, by its name there.
func partOf(name string) part {
	switch {
	case strings.HasPrefix(name, "attn."), strings.HasPrefix(name, "norm1."):
		return atAttention
	case name == "gamma_1":
		return atMiddle
	}
	return atMLP
}

// halfRight returns the finding that one half of a block is right, and that nothing explains the other; nil if the reference does not have both.
func halfRight(targets []*target, right []bool) []Finding {
	if len(targets) != 2 || right[0] == right[1] {
		return nil
	}
	t, sentence := targets[1], "the attention of %s is right, and nothing explains what follows: look at the MLP (norm2, fc1, fc2), gamma_1 and gamma_2"
	if right[1] {
		t, sentence = targets[0], "nothing explains the attention of %s (norm1, qkv, the relative position bias, proj); what follows, the MLP, is right"
	}
	distance := t.without.MaxAbs
	if math.IsNaN(distance) {
		distance = math.Inf(1)
	}
	return []Finding{{
		Stage: t.stage, Hypothesis: "unexplained", Side: Checkpoint, Sentence: fmt.Sprintf(sentence, t.stage), Distance: distance, Without: distance,
		Tolerance: t.limit.Max,
	}}
}

// look reads the weights for what they alone show, once.
func (s *Search) look(ctx context.Context) (err error) {
	if !s.looked {
		s.suspicions, err = loss.Look(ctx, s.model.Config, s.weights)
		s.looked = err == nil
	}
	return err
}

// suspectsFirst sorts hypotheses that a vector is another one: first those about vectors that the file shows to be lost, since a bias may explain what another
// one did.
func (s *Search) suspectsFirst(ctx context.Context, d *draft, known []hypothesis) ([]hypothesis, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	rank := func(h hypothesis) int {
		suspected := func(one loss.Suspicion) bool { return slices.Contains(d.names(h.parameter), one.Tensor) }
		switch {
		case h.name != anotherVector:
			return 0
		case slices.ContainsFunc(s.suspicions, suspected) || d.isConstant(h.parameter):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(known, func(a, b hypothesis) int { return rank(a) - rank(b) })
	return known, nil
}

// isConstant reports whether all values of a vector are the same.
func (d *draft) isConstant(parameter string) bool {
	values, err := d.vector(parameter)
	return err == nil && len(values) > 1 && !slices.ContainsFunc(values, func(v float64) bool { return v != values[0] })
}
