package verify

import (
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Result is the verdict.
type Result struct {
	// OK means that every compared tap is within rounding.
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
	// Agreement is about the logits; its Rows are 0 if they were not compared.
	Agreement drift.Agreement
	// FirstDivergence is the name of the first stage that is not within rounding, or empty.
	FirstDivergence string
	// Blame says in a sentence why, or is empty if that was not found.
	Blame string
	// Advice is what would make the model agree, if that is known.
	Advice Advice
	// Taps are in the order of the forward pass.
	Taps []Tap
}

// Advice is what would make a model agree with its reference. The zero value is no advice.
type Advice struct {
	// Epsilon is the LayerNorm epsilon to run the model with, or 0.
	Epsilon float64
	// Stated means that the reference says itself that it ran with this epsilon; otherwise it follows from the numbers alone.
	Stated bool
}

// Tap is the verdict on one activation.
type Tap struct {
	// Name is that of the stage.
	Name  string
	Shape tensor.Shape
	OK    bool
	// Distance is between subject and reference.
	drift.Distance
	// Noise is the measured rounding noise, and Tolerance what follows from it.
	Noise, Tolerance float64
}
