package verify

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// setEffort bounds a search as the options ask for.
func (v *verification) setEffort(search *blame.Search) {
	if v.options.Effort > 0 {
		search.SetEffort(v.options.Effort)
	}
}

// remarkSearch says how far a search went that ended without a reason.
func remarkSearch(r *Result, search *blame.Search) {
	tried, untried := search.Tried()
	if untried == 0 {
		return
	}
	r.Remarks = append(r.Remarks, Remark{SearchBounded, fmt.Sprintf(
		"without activations in between whole models are computed: %s tried, %d were not, since it would take long",
		text.Count(tried, "hypothesis about them was", "hypotheses about them were"), untried)})
}

// remarkStages says at which stages no reason was looked for, after others had none.
func remarkStages(r *Result, suspects []Tap, found [][]blame.Finding) {
	var names []string
	for i, t := range suspects {
		if len(found[i]) == 0 {
			names = append(names, t.Name)
		}
	}
	if len(names) > 0 {
		r.Remarks = append(r.Remarks, Remark{SearchBounded, fmt.Sprintf(
			"no more reasons were looked for after %d stages without one: %s %s by more than rounding, too", mostUnexplained, text.List(names, 4, ""),
			agree(len(names), "differs", "differ"))})
	}
}

// unexplained says that nothing explains what differs at a tap, and what was tried.
func (v *verification) unexplained(t Tap, search *blame.Search) blame.Finding {
	f := blame.Finding{Stage: t.Name, Hypothesis: blame.Unexplained, Without: t.MaxAbs, Tolerance: t.Tolerance}
	stage, _ := engine.ParseStage(t.Name) // of a tap
	if t.Local == nil && stage.Kind != engine.Embed {
		tried, _ := search.Tried()
		f.Stage, f.Advice = blame.WholeModel, "record every stage: that shows where the difference begins"
		f.Sentence = fmt.Sprintf("no reason was found: none of %d hypotheses about the whole model, some of them in pairs, explains the difference", tried)
	} else {
		f.Sentence = fmt.Sprintf("no reason was found for %s: none of the hypotheses that were tried there, alone and in pairs, explains the difference", t.Name)
		if stage.Kind == engine.Block && !v.compared(t.Name+branchSuffix) {
			f.Advice = fmt.Sprintf("record %s%s too: that shows which half of the block it is", t.Name, branchSuffix)
		}
	}
	if t.Local != nil {
		f.Without, f.Tolerance = t.Local.MaxAbs, t.Local.Tolerance
	}
	f.Distance = f.Without
	return f
}

// constantRecording says that all values of the reference are the same at a tap: nothing that the weights say makes that.
func constantRecording(t Tap, value float64) blame.Finding {
	return blame.Finding{
		Stage: t.Name, Hypothesis: blame.ConstantRecording, Side: blame.Recording, Distance: t.MaxAbs, Without: t.MaxAbs, Tolerance: t.Tolerance,
		Sentence: fmt.Sprintf("every value of %s is %g in the reference: it was overwritten, or is not what the model computes there", t.Name, value),
		Advice:   "look at what the program returns there",
	}
}

// compared reports whether the reference has a tap.
func (v *verification) compared(name string) bool {
	return slices.ContainsFunc(v.taps, func(m *tapMeter) bool { return m.name == name && m.compared })
}
