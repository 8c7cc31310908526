package verify

import (
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Result is the verdict.
type Result struct {
	// OK tells that every compared tap is within rounding.
	OK bool
	// Model, Architecture, Engine, Device and Reference say what was compared.
	Model, Architecture, Engine, Device, Reference string
	// DType is what the subject computed in. Precision is the row that tolerances follow: that of the coarsest dtype among subject, reference
	// and their stored weights.
	DType     tensor.DType
	Precision Precision
	Images    int
	// MaxAbs, MaxRel and Tolerance are those of the last tap, the logits.
	MaxAbs, MaxRel, Tolerance float64
	// Agreement is about the logits; its Rows are 0 where they were not compared.
	Agreement drift.Agreement
	// FirstDivergence is the first tap that is not within rounding, or empty.
	FirstDivergence string
	// Blame says why, where that was found, in a sentence; Advice, what to type next.
	Blame, Advice string
	// Taps are in the order of the forward pass.
	Taps []Tap
}

// Tap is the verdict on one activation.
type Tap struct {
	Name  string
	Shape tensor.Shape
	OK    bool
	// Distance is between subject and reference.
	drift.Distance
	// Noise is the measured rounding noise, and Tolerance what follows from it.
	Noise, Tolerance float64
}
