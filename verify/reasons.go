package verify

import (
	"fmt"

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
