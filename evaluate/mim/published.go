package mim

import "math"

// Published is a masked accuracy that somebody published of a model, or of a training like its own.
type Published struct {
	// Origin says who published it and where, and Dataset of which pictures it is.
	Origin  string `json:"origin"`
	Dataset string `json:"dataset"`
	// Run says of which other training it is; empty if it is of these weights.
	Run string `json:"run,omitempty"`
	// Percent is the share of masked patches whose token was recovered, and Rounding by how much that may be off, as both are stated, in points.
	Percent  float64 `json:"percent"`
	Rounding float64 `json:"rounding,omitempty"`
	// Loss is the mean cross-entropy, or 0 if none was published.
	Loss float64 `json:"loss,omitempty"`
}

// Comparison says whether a measured masked accuracy agrees with one that was published.
type Comparison struct {
	Published
	// NotCompared says why the two cannot be compared; empty if they were. The other fields are about the comparison.
	NotCompared string `json:"not_compared,omitempty"`
	// Agrees reports that the published accuracy, as it is rounded, is within 1.96 standard errors of the measured one.
	Agrees bool `json:"agrees"`
	// StandardErrors is by how many standard errors the measured accuracy is above the published one, as it is rounded; 0 if it is within the rounding.
	StandardErrors float64 `json:"standard_errors"`
}

// inAgreement is within how many standard errors two accuracies agree: as often as in a 95 % interval.
const inAgreement = 1.96

// Compare returns the comparisons with all that was published. Which pictures it was published of is for the caller to weigh: it is nearly always those of the training.
func (r *Result) Compare(all []Published) []Comparison {
	var list []Comparison
	for _, p := range all {
		c := Comparison{Published: p}
		switch above := 100*r.Accuracy - p.Percent; {
		case !r.Tells():
			c.NotCompared = "there are too few masked patches"
		case math.Abs(above) <= p.Rounding:
			c.Agrees = true
		case r.StandardError == 0:
			c.NotCompared = "the pictures do not differ, so that there is no standard error"
		default:
			c.StandardErrors = math.Copysign(math.Abs(above)-p.Rounding, above) / (100 * r.StandardError)
			c.Agrees = math.Abs(c.StandardErrors) <= inAgreement
		}
		list = append(list, c)
	}
	return list
}
