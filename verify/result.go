package verify

import (
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Result is the verdict of Verify.
type Result struct {
	// OK means that every compared tap is within its tolerance.
	OK bool
	// Model, Architecture, Engine, Device and Reference are names of what was compared.
	Model, Architecture, Engine, Device, Reference string
	// DType is the dtype that the subject computed in. Precision is what the tolerances were computed with: that of the coarsest dtype among subject,
	// reference and their stored weights.
	DType     tensor.DType
	Precision Precision
	Images    int
	// MaxAbs, MaxRel and Tolerance are those of the last tap, the logits.
	MaxAbs, MaxRel, Tolerance float64
	// Agreement is about the logits; its Rows are 0 if they were not compared.
	Agreement drift.Agreement
	// FirstDivergence is the name of the first stage that is not within its tolerance, or empty.
	FirstDivergence string
	// Blame is a sentence that says why, or empty if the reason was not found.
	Blame string
	// Advice says what would make the model agree, if that is known.
	Advice Advice
	// Taps are in the order of the forward pass.
	Taps []Tap
}

// Advice says what would make a model agree with its reference. The zero value means that nothing is known.
type Advice struct {
	// Epsilon is the LayerNorm epsilon to run the model with, or 0.
	Epsilon float64
	// Stated means that the reference states this epsilon; otherwise it was found by trying.
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
	// Noise is the measured rounding noise, and Tolerance the largest MaxAbs that counts as rounding; see Precision.
	Noise, Tolerance float64
}
