package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/verify/blame"
)

// searchTokenizer is search for a tokenizer.
func (v *verification) searchTokenizer(_ context.Context, _ *Result, suspects []Tap) (found []blame.Finding, err error) {
	for _, t := range suspects {
		found = append(found, unexplainedIn(t))
	}
	return found, nil
}

// unexplainedIn says that no reason was found for a tap of a tokenizer.
func unexplainedIn(t Tap) blame.Finding {
	f := blame.Finding{
		Stage: t.Name, Hypothesis: blame.Unexplained, Distance: t.MaxAbs, Without: t.MaxAbs, Tolerance: t.Tolerance,
		Sentence: fmt.Sprintf("no reason was found for %s: none of the hypotheses that were tried there explains the difference", t.Name),
	}
	if t.Local == nil {
		f.Advice = "record every stage: that shows where the difference begins"
		return f
	}
	f.Distance, f.Without, f.Tolerance = t.Local.MaxAbs, t.Local.MaxAbs, t.Local.Tolerance
	return f
}
