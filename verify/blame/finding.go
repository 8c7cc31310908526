package blame

import "github.com/beitzoo/beitzoo/tensor"

// Finding is one reason why a model computes something else than its reference.
type Finding struct {
	// Stage is the name of the stage at which it shows, the first if there are several, or WholeModel. Stages are all of them.
	Stage  string
	Stages []string
	// Hypothesis is what it is, such as "transposed" or "epsilon". Hypotheses keep their names; docs/verify.md lists them.
	Hypothesis string
	// Side is whose fault it is, or empty if that is not known.
	Side Side
	// Tensors are the canonical names of the parameters that are wrong, sorted; none if it is not a matter of parameters.
	Tensors []string
	// Where says which part of the stage or of the tensors it is, if it is a part.
	Where Place
	// Sentence says what is wrong, without a full stop.
	Sentence string
	// says is what the sentence says of its stage, to find out whether findings say the same.
	says string
	// others is the number of other findings that have to be mended, too, for the stage to agree.
	others int
	// ruled means that a program may do it as well, by one rule for all blocks.
	ruled bool
	// Advice says what to change, without a full stop, or is empty.
	Advice string
	// Epsilon is the LayerNorm epsilon with which the stage agrees, if that is the finding, else 0.
	Epsilon float64
	// Distance is the largest absolute difference from the reference at the stage if this is mended, and Without the one as it is. If the finding is
	// something that was seen in the file, and nothing can be computed without what was lost, both are equal.
	Distance, Without float64
	// Tolerance is the largest difference that counts as rounding.
	Tolerance float64
	// Edits restore the parameters. There are none if the fault is not in the checkpoint, or what is missing was lost.
	Edits []Edit
	// Rounded are the parameters whose values were computed and stored in float32, if the stage agrees but for their rounding.
	Rounded []string
}

// agrees returns the sentence that something agrees with the reference without the finding. Other findings that it takes too have their own sentences.
func (f Finding) agrees(who string) string {
	sentence := who + " with the reference if " + f.says
	switch {
	case f.others > 1:
		sentence += ", and the other faults are mended, too"
	case f.others == 1:
		sentence += ", and the other fault is mended, too"
	}
	return sentence
}

// Arbitrary reports whether the finding only says which values would explain the stage, and nothing of where they come from.
func (f Finding) Arbitrary() bool { return f.Hypothesis == anotherVector }

// WholeModel is the Stage of a finding that concerns all blocks, or several stages.
const WholeModel = "model"

// Healthy is the hypothesis that nothing is wrong with weights and configuration: with them the native engine computes the stage as the reference does. So the
// difference comes from the engine under test or from an earlier stage.
const Healthy = "healthy"

// Unexplained is the hypothesis of a finding that says where a difference is, though nothing explains it. It has no side: parameters may be wrong, or a rule of
// the program.
const Unexplained = "unexplained"

// ConstantRecording is the hypothesis of a finding that all values of a stage are the same in the reference.
const ConstantRecording = "constant-recording"

// Side says whose fault a finding is.
type Side string

const (
	// Checkpoint means that parameters are wrong or missing.
	Checkpoint Side = "checkpoint"
	// Program means that the reference was computed by other rules than those of the model.
	Program Side = "program"
	// Input means that the reference saw other pixels, or another mask.
	Input Side = "input"
	// Recording means that the reference is damaged: it is not finite, or not what it says.
	Recording Side = "recording"
	// Either means that parameters are changed as a rule of a program would change them, a factor in all blocks, or a layer scale that is left out or was folded
	// in: nothing tells which of the two it is.
	Either Side = "checkpoint or program"
)

// Place says where something is. Nil slices mean everywhere; indices are sorted.
type Place struct {
	// Images, Tokens (0 is the class token), Heads, Channels of the residual stream, and Classes are indices.
	Images, Tokens, Heads, Channels, Classes []int
	// Element is the index of a single value in the tensor, or nil.
	Element []int
}

// Edit is a change to one parameter that restores it.
type Edit struct {
	// Tensor is the canonical name of the parameter.
	Tensor string
	// Says is what is done: "transpose", "exchange with blocks.2.gamma_2".
	Says string
	// View has the restored values, in the shape of the parameter and in F64, and computes them when they are read. Where elements were only moved or negated
	// they are exactly those of the checkpoint, so that the dtype of the parameter can hold them.
	View tensor.View
}
