package verify

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// otherTaps is the hypothesis that two checkpoints hold the same tensors and differ in the blocks that are tapped.
const otherTaps = "taps"

// transformers is the program whose classes tap other blocks than the original of the same tensors.
const transformers = "transformers"

// tappedElsewhere returns the finding that subject and reference are checkpoints with the same tensors and other taps, or nil. Their activations are not needed for it.
func (v *verification) tappedElsewhere(r *Result) (*blame.Finding, error) {
	own, other := v.subject.Config.Segmentation.Taps, v.reference.taps
	if v.reference.weights == nil || !v.subject.Config.Segments() || own == other {
		return nil, nil
	}
	all, err := v.differing(func(string) bool { return true })
	if err != nil || len(all) > 0 || len(v.reference.weights) != len(v.subject.Weights) {
		return nil, err
	}
	f := blame.Finding{Stage: blame.WholeModel, Hypothesis: otherTaps, Side: blame.Program}
	for _, t := range r.Taps {
		if t.Name == r.FirstDivergence {
			f.Distance, f.Without, f.Tolerance = t.MaxAbs, t.MaxAbs, t.Tolerance
		}
	}
	says := func(first string, a [arch.Levels]arch.Tap, second string, b [arch.Levels]arch.Tap) {
		f.Sentence = fmt.Sprintf("the same tensors, but %s taps blocks %s where %s taps %s", first, arch.FormatTaps(a), second, arch.FormatTaps(b))
	}
	switch mine, theirs := v.subject.Shifted, v.reference.Shifted; {
	case mine && !theirs:
		says(transformers, own, "the original", other)
	case theirs && !mine:
		says(transformers, other, "the original", own)
	default:
		says("this model", own, "the other", other)
	}
	f.Advice = "tap the same blocks on both sides"
	if v.subject.Shifted != v.reference.Shifted {
		f.Advice = "write the original as UperNetForSemanticSegmentation, which taps what it taps"
	}
	return &f, nil
}
