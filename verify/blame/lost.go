package blame

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame/loss"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// lostNames are the names of hypotheses about what was lost, the most certain first.
var lostNames = []lostName{
	{loss.NotFinite, "non-finite"},
	{loss.Zero, "zero"},
	{loss.Ones, "ones"},
	{loss.Constant, "constant"},
	{loss.Copy, "copy"},
	{loss.Rounded, "rounded"},
	{loss.Quantised, "quantised"},
	{loss.ZeroSlices, "zero-slices"},
	{loss.Repeated, "repeated"},
	{loss.Initial, "initial-value"},
	{loss.Outlier, "outlier"},
}

// lostName is the name of the hypothesis about a kind of loss.
type lostName struct {
	kind loss.Kind
	name string
}

// isLost ends the sentence about what nothing restores.
const isLost = ": what it was is lost"

// lost returns findings about what the file shows of the parameters that can affect a target which nothing explains. There are no edits: nothing restores them.
// What all blocks have is told only if there is nothing else, and it may be the reason.
func (s *Search) lost(ctx context.Context, t *target, d *draft) ([]Finding, error) {
	const most = 6
	own, err := s.suspicious(ctx, t)
	if err != nil {
		return nil, err
	}
	alone := slices.DeleteFunc(slices.Clone(own), func(one loss.Suspicion) bool { return one.Throughout })
	if len(alone) > 0 {
		own = alone
	}
	var findings []Finding
	var told []loss.Suspicion
	for _, one := range own {
		may, err := s.mayMatter(ctx, t, d, one)
		if err != nil {
			return nil, err
		}
		if !may || len(findings) == most {
			continue
		}
		seen := t.seen(one)
		if err := s.qualify(ctx, t, d, &seen); err != nil {
			return nil, err
		}
		findings, told = append(findings, seen), append(told, one)
	}
	if findings == nil {
		return s.oneClass(ctx, t, d)
	}
	return coarseTogether(findings, told), nil
}

// coarseTogether puts findings about parameters of a stage that were all rounded, or quantised, in the same way, as most of the file were, together as one. told
// are the suspicions that the findings are about.
func coarseTogether(findings []Finding, told []loss.Suspicion) []Finding {
	first, how := told[0], ""
	switch {
	case !first.Throughout:
		return findings
	case first.Kind == loss.Rounded:
		how = "rounded to " + first.DType.String() + ": all of their values are of that type, though stored in another"
	case first.Kind == loss.Quantised:
		how = fmt.Sprintf("quantised to %d bits: all of their values are whole multiples of one number, or of one for each row", first.Count)
	default:
		return findings
	}
	all, others := findings[0], []Finding(nil)
	for i, f := range findings[1:] {
		if one := told[i+1]; one.Kind == first.Kind && one.DType == first.DType && one.Count == first.Count {
			all.Tensors = append(all.Tensors, f.Tensors...)
		} else {
			others = append(others, f)
		}
	}
	if len(all.Tensors) > 1 {
		all.Sentence = text.List(all.Tensors, len(all.Tensors), "") + " were " + how + ", as is most of the file: what they were is lost"
		all.Advice = "take the parameters from a copy of the checkpoint that is not"
	}
	return append([]Finding{all}, others...)
}

// qualify says of a finding about a vector that other values there do not explain the difference alone, if that is so. At the end of the model nothing but the weight
// of the same layer remains then.
func (s *Search) qualify(ctx context.Context, t *target, d *draft, f *Finding) error {
	name := f.Tensors[0]
	vain := slices.ContainsFunc(t.vain, func(u unknown) bool { return u.name == name })
	layer, isBias := strings.CutSuffix(name, ".bias")
	atEnd := isBias && (slices.Equal(t.parts, head) || slices.Equal(t.parts, pooled))
	if atEnd && !vain {
		rest, err := t.rest(ctx, d)
		if err != nil {
			return err
		}
		for at := range t.want.Width {
			column := slice(whatif.RowsOf(rest, t.want.Width), at, 1).Values
			vain = vain || slices.Max(column)-slices.Min(column) > 2*t.limit.Max // a bias adds the same for all images
		}
	}
	if !vain {
		return nil
	}
	f.Sentence += "; other values there do not explain the difference alone"
	if atEnd {
		f.Tensors = append(f.Tensors, layer+".weight")
		f.Sentence += ", so " + layer + ".weight is another one, too"
		f.Advice = "take " + text.List(f.Tensors, len(f.Tensors), "") + " from another copy of the checkpoint"
	}
	return nil
}

// oneClass returns the finding that the logits of one class alone are others. Too few images tell what is wrong with its row.
func (s *Search) oneClass(ctx context.Context, t *target, d *draft) ([]Finding, error) {
	if !slices.Equal(t.parts, head) {
		return nil, nil
	}
	got, err := t.compute(ctx, d)
	if err != nil || got.Width != t.want.Width || got.Width < fewClasses {
		return nil, err
	}
	difference := subtract(t.want, got)
	class, count := 0, 0
	var least, most float64
	for at := range got.Width {
		column := slice(difference, at, 1).Values
		if low, high := slices.Min(column), slices.Max(column); max(-low, high) > t.limit.Max {
			class, least, most = at, low, high
			count++
		}
	}
	if count != 1 || most-least <= 2*t.limit.Max { // the same for all images: its bias
		return nil, nil
	}
	name := s.model.Config.HeadName() + ".weight"
	return []Finding{{
		Stage: t.stage, Hypothesis: "one-row", Side: Checkpoint, Tensors: []string{name}, Where: Place{Classes: []int{class}},
		Sentence: fmt.Sprintf("the logit of class %d alone is another: a value in row %d of %s is wrong", class, class, name),
		Advice:   "take " + name + " from another copy of the checkpoint", Distance: t.without.MaxAbs, Without: t.without.MaxAbs, Tolerance: t.limit.Max,
	}}, nil
}

// fewClasses is how many logits must be there for one to be an exception.
const fewClasses = 4

// suspicious returns what is suspicious about the parameters that can affect a target, the most certain first.
func (s *Search) suspicious(ctx context.Context, t *target) ([]loss.Suspicion, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(slices.Clone(s.suspicions), func(one loss.Suspicion) bool { return !s.reads(t, one.Tensor) })
	slices.SortStableFunc(own, func(a, b loss.Suspicion) int { return cmp.Compare(rankOf(a), rankOf(b)) })
	return own, nil
}

// surelyLost are the kinds of what nothing restores, and likelyLost also those that a matrix may have by itself.
var (
	surelyLost = []loss.Kind{loss.Zero, loss.Ones, loss.Constant, loss.Copy}
	likelyLost = append(slices.Clone(surelyLost), loss.Rounded, loss.Quantised, loss.Initial)
)

// lostMatrix reports whether, in a wide model, the file shows that a whole matrix which the target reads was lost, in one of these ways: no hypotheses, however many, agree
// without it, and solving for them, or trying pairs, takes long.
func (s *Search) lostMatrix(ctx context.Context, t *target, ways []loss.Kind) (bool, error) {
	if s.model.Config.EmbedDim < large || t.stage == WholeModel {
		return false, nil
	}
	own, err := s.suspicious(ctx, t)
	return slices.ContainsFunc(own, func(one loss.Suspicion) bool {
		return !one.Throughout && slices.Contains(ways, one.Kind) && strings.HasSuffix(one.Tensor, ".weight") && !strings.Contains(one.Tensor, "norm")
	}), err
}

// rankOf returns the index of a suspicion in lostNames.
func rankOf(one loss.Suspicion) int {
	return slices.IndexFunc(lostNames, func(n lostName) bool { return n.kind == one.Kind })
}

// seen returns the finding that a parameter is suspicious.
func (t *target) seen(one loss.Suspicion) Finding {
	return Finding{
		Stage: t.stage, Hypothesis: lostNames[rankOf(one)].name, Side: Checkpoint, Tensors: []string{one.Tensor}, Where: Place{Element: one.Element},
		Sentence: one.Sentence + isLost, Advice: "take " + one.Tensor + " from another copy of the checkpoint",
		Distance: t.without.MaxAbs, Without: t.without.MaxAbs, Tolerance: t.limit.Max,
	}
}

// mayMatter reports whether a suspicion may be the reason for a difference. What all blocks have may be how the model is: if vectors are so, solvers tell whether
// it matters, and if a parameter was rounded, the difference must be about as large as such rounding makes.
func (s *Search) mayMatter(ctx context.Context, t *target, d *draft, one loss.Suspicion) (bool, error) {
	if !one.Throughout || t.stage == WholeModel {
		return !one.Throughout, nil
	}
	old, err := d.Tensor(one.Tensor)
	if err != nil {
		return false, err
	}
	if one.Kind != loss.Rounded {
		return len(old.Shape) > 1, nil
	}
	const apart = 5
	got, err := t.compute(ctx, d)
	if err != nil {
		return false, err
	}
	shaken := d.copied()
	shaken.Set(one.Tensor, old.Map(func(values []float64) []float64 { return unrounded(values, one.DType) }))
	moved, err := t.compute(ctx, shaken)
	if err != nil {
		return false, err
	}
	effect := drift.Compare(moved.Values, got.Values)
	return t.without.RMS < apart*effect.RMS && effect.RMS < apart*t.without.RMS, nil
}

// unrounded returns values that a dtype rounds to these: drawn, but always the same.
func unrounded(values []float64, dtype tensor.DType) []float64 {
	source := rand.New(rand.NewPCG(1, 2))
	return each(values, func(v float64) float64 {
		_, exponent := math.Frexp(v)
		return v + math.Ldexp(source.Float64()-0.5, exponent-dtype.SignificantBits())
	})
}

// recovered returns findings with what the file shows in place of those that a vector has values that do not follow from the stored ones. What restores the
// vectors stays.
func (s *Search) recovered(ctx context.Context, t *target, findings []Finding) ([]Finding, error) {
	arbitrary := func(f Finding) bool { return f.Hypothesis == anotherVector }
	if !slices.ContainsFunc(findings, arbitrary) {
		return findings, nil
	}
	own, err := s.suspicious(ctx, t)
	if err != nil {
		return nil, err
	}
	findings = slices.Clone(findings)
	for i, found := range findings {
		of := func(one loss.Suspicion) bool { return slices.Contains(found.Tensors, one.Tensor) }
		at := slices.IndexFunc(own, of)
		if at < 0 && len(findings) == 1 && len(own) > 0 && !own[0].Throughout {
			at = 0 // it does what the solved vector does
		}
		if at < 0 || !arbitrary(found) || own[at].Kind == loss.Initial || own[at].Kind == loss.Outlier {
			continue
		}
		seen := t.seen(own[at])
		seen.Sentence = strings.TrimSuffix(seen.Sentence, isLost) + ": " + found.Sentence
		seen.Distance, seen.Tolerance, seen.Edits = found.Distance, found.Tolerance, found.Edits
		findings[i] = seen
	}
	return findings, nil
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
	decoder := partReading(s.config, name)
	switch {
	case decoder != 0:
		part = decoder
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

// otherHalf returns the finding that nothing explains one half of a block, while the other is right or explained; nil if that is not so.
func otherHalf(targets []*target, states []state) []Finding {
	if len(targets) != 2 || (states[0] == isUnexplained) == (states[1] == isUnexplained) {
		return nil
	}
	t, half, sentence := targets[1], states[0], "the attention of %s is %s, and nothing explains what follows: look at the MLP (norm2, fc1, fc2), gamma_1 and gamma_2"
	if states[0] == isUnexplained {
		t, half = targets[0], states[1]
		sentence = "nothing explains the attention of %s (norm1, qkv, the relative position bias, proj); what follows, the MLP, is %s"
	}
	known := "right"
	if half == isExplained {
		known = "explained"
	}
	distance := t.without.MaxAbs
	if math.IsNaN(distance) {
		distance = math.Inf(1)
	}
	return []Finding{{
		Stage: t.stage, Hypothesis: Unexplained, Sentence: fmt.Sprintf(sentence, t.stage, known), Distance: distance, Without: distance, Tolerance: t.limit.Max,
	}}
}

// look reads the weights for what they alone show, once.
func (s *Search) look(ctx context.Context) (err error) {
	if !s.looked {
		s.suspicions, err = loss.Look(ctx, s.model.Config, s.weights)
		s.suspicions = slices.DeleteFunc(s.suspicions, func(one loss.Suspicion) bool { return rankOf(one) < 0 }) // of a kind without a name
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

// nearOwn is near for a vector that the file shows to be lost.
const nearOwn = 0.95

// ratherLost returns, in place of a trial that agrees with a target and leaves more than a little of the limit, that of other values of a vector which the file
// shows to be lost, if there is one that leaves much less: beside half precision a vector that was zeroed may look like another one that was scaled. If the
// trial is about such a vector itself, less is enough. solved are the hypotheses that follow from the activations; nil if nobody has solved for them yet.
func (s *Search) ratherLost(ctx context.Context, t *target, start, best *trial, solved []hypothesis) (*trial, error) {
	if best == nil || best.share < settledShare {
		return best, nil
	}
	own, err := s.suspicious(ctx, t)
	if err != nil || !slices.ContainsFunc(own, func(one loss.Suspicion) bool { return !one.Throughout }) {
		return best, err
	}
	if solved == nil {
		if solved, err = s.solved(ctx, t, start.draft); err != nil {
			return nil, err
		}
	}
	suspected := slices.DeleteFunc(slices.Clone(solved), func(h hypothesis) bool {
		of := func(one loss.Suspicion) bool {
			return !one.Throughout && slices.Contains(start.draft.names(h.parameter), one.Tensor)
		}
		return h.name != anotherVector || !slices.ContainsFunc(own, of)
	})
	lost, _, err := s.improve(ctx, t, start, suspected)
	if err != nil || lost == nil {
		return best, err
	}
	leaves := near
	if changed := best.draft.tensors(); slices.ContainsFunc(own, func(one loss.Suspicion) bool { return slices.Contains(changed, one.Tensor) }) {
		leaves = nearOwn
	}
	if lost.distance.RMS < leaves*best.distance.RMS {
		return lost, nil
	}
	return best, nil
}

// isConstant reports whether all values of a vector are the same.
func (d *draft) isConstant(parameter string) bool {
	values, err := d.vector(parameter)
	return err == nil && len(values) > 1 && isConstant(values)
}

func isConstant(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return v != values[0] })
}
