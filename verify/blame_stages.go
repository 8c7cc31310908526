package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/verify/blame"
)

// searchStages is search for an image tokenizer.
func (v *verification) searchStages(ctx context.Context, r *Result, suspects []Tap) ([]blame.Finding, error) {
	search := blame.NewStageSearch(v.subject.Config, v.subject.Weights)
	found, vain, searched := make([][]blame.Finding, len(suspects)), 0, 0
	for ; searched < len(suspects) && vain < mostUnexplained; searched++ {
		var err error
		if found[searched], err = v.find(ctx, search.Find, suspects[searched]); err != nil {
			return nil, err
		}
		if !explains(found[searched]) {
			vain++
			found[searched] = []blame.Finding{unexplainedIn(suspects[searched])}
		}
	}
	remarkStages(r, suspects[searched:], found[searched:])
	var all []blame.Finding
	for _, f := range found {
		all = append(all, f...)
	}
	return blame.Merge(all, v.subject.Config.Depth), nil
}

// unexplainedIn says that no reason was found for a tap of such a model.
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
