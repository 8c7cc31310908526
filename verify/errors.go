package verify

import (
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// ErrNothingToCompare says that subject and reference have no activation in common.
var ErrNothingToCompare = errdef.New(errdef.ErrInput, "nothing to compare: the reference has no activation that the model has")

// MismatchError says that a reference belongs to a model of another architecture.
type MismatchError struct {
	// What is the name of an activation, "input" or "mask".
	What string
	// Got is the subject's shape, Want the reference's. Got is nil if the subject has no such activation.
	Got, Want tensor.Shape
	// Reason says what the reference has instead, without a full stop, or is empty.
	Reason string
}

func (e *MismatchError) Error() string {
	if e.Got == nil {
		return fmt.Sprintf("the reference has %s %s, which the model does not", e.What, e.Want)
	}
	message := fmt.Sprintf("%s is %s in the reference, and %s in the model", e.What, e.Want, e.Got)
	if e.Reason != "" {
		message += ": " + e.Reason
	}
	return message
}

// Is reports whether kind is errdef.ErrInput.
func (e *MismatchError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what the mismatch means.
func (e *MismatchError) Hint() string {
	if e.Reason != "" {
		return "record the stage that has this name, see docs/recording.md"
	}
	return "the reference belongs to another architecture; compare the architectures of both"
}

// NoInputError says that a recording has no inputs to run a model on.
type NoInputError struct {
	// Name is that of the recording.
	Name string
}

func (e *NoInputError) Error() string {
	return fmt.Sprintf("recording %s holds no input images", e.Name)
}

// Is reports whether kind is errdef.ErrInput.
func (e *NoInputError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to get a recording that has inputs.
func (e *NoInputError) Hint() string {
	return "record again with the tensor \"input\", as the scripts for PyTorch and PaddlePaddle do"
}
