package verify

import (
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Result is the verdict of Verify.
type Result struct {
	// OK means that every compared tap is within its tolerance, and every stage alone.
	OK bool
	// Model, Architecture, Engine, Device and Reference are names of what was compared.
	Model, Architecture, Engine, Device, Reference string
	// DType is the dtype that the subject computed in. Precision is what the tolerances were computed with: that of the coarser dtype of subject and
	// reference, or of HoldsTo.
	DType     tensor.DType
	Precision Precision
	Images    int
	// MaxAbs, MaxRel and Tolerance are those of the last tap, the logits.
	MaxAbs, MaxRel, Tolerance float64
	// Agreement is about the logits; its Rows are 0 if they were not compared.
	Agreement drift.Agreement
	// Tokens are about visual tokens; its Count is 0 if they were not compared.
	Tokens Tokens
	// FirstDivergence is the name of the first stage that is not within its tolerance, or empty: the first that is not by itself, or if all are, the first in
	// the run of the whole model.
	FirstDivergence string
	// Blame is a sentence that says why, or empty if the reason was not found.
	Blame string
	// Advice says what would make the model agree, if that is known.
	Advice Advice
	// Findings are the reasons, in the order of the forward pass: one for each fault that has a name.
	Findings []blame.Finding
	// HoldsTo is the dtype to whose rounding the verdict holds: the finest that the reference supports.
	HoldsTo tensor.DType
	// Remarks say what the verdict depends on, and what these inputs cannot show.
	Remarks []Remark
	// Taps are in the order of the forward pass.
	Taps []Tap
	// Samples are some of the images, at most 8 and in their order: those that both sides take for different classes, and the first of the others.
	Samples []Sample
}

// Remark is something that a reader of a verdict should know.
type Remark struct {
	// Code names the kind of remark, such as "grey-pictures"; docs/verify.md lists them.
	Code string
	// Sentence has no full stop.
	Sentence string
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
	// OK means that the tap is within its tolerance, or Excused.
	OK bool
	// Excused means that the tap is not within its tolerance, and that this changes nothing: it is a branch that differs by a factor for each channel, which
	// the rest of the block takes back.
	Excused bool
	// Distance is between subject and reference.
	drift.Distance
	// Noise is the measured rounding noise, and Tolerance the largest MaxAbs that counts as rounding; see Precision.
	Noise, Tolerance float64
	// ToleranceRMS is the largest RMS that counts as rounding, at the logits; elsewhere 0.
	ToleranceRMS float64
	// Local is the stage alone: computed in float64 from the reference's own activation before it, and compared with the reference; a block whose branch of
	// attention is wrong is computed from the branch that the reference has. It is nil if the reference does not have that activation.
	Local *Local
	// Where says in which part of the tap the stage alone differs, if it differs and that is a small part.
	Where blame.Place
	// Tokens says how visual tokens compare; nil for all other stages. Then Distance is that of what they were chosen by: how far it must have moved for the
	// choices to differ.
	Tokens *Tokens
}

// Local compares one stage alone with the reference, so that a fault shows where it is, however small, and not in all stages after it.
type Local struct {
	OK bool
	drift.Distance
	// Noise is the rounding noise of the stage alone, and Tolerance the largest MaxAbs that counts as rounding.
	Noise, Tolerance float64
	// ToleranceRMS is the largest RMS that counts as rounding.
	ToleranceRMS float64
	// Share is the largest figure divided by its limit: that of the whole activation, of a channel, of a token or of a value. Up to 1 it is rounding.
	Share float64
}
