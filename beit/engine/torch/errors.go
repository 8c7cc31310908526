//go:build libtorch

package torch

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// OperatorError is a C++ exception of libtorch.
type OperatorError struct {
	// Operator is the name of the operator that threw it.
	Operator string
	// Message is libtorch's, without its stack trace.
	Message string
}

func (e *OperatorError) Error() string { return fmt.Sprintf("libtorch %s: %s", e.Operator, e.Message) }

// Hint knows the exceptions that a user can do something about.
func (e *OperatorError) Hint() string {
	switch {
	case strings.Contains(e.Message, "out of memory"), strings.Contains(e.Message, "can't allocate memory"):
		return "use a smaller batch, --dtype bf16, or --device cpu"
	case strings.Contains(e.Message, "not implemented for"):
		return "this libtorch cannot compute in that dtype on that device: use --dtype f32"
	}
	return "run `beitzoo doctor`"
}

// newOperatorError cuts off the stack trace that libtorch adds to its messages.
func newOperatorError(operator, message string) *OperatorError {
	for _, trace := range []string{"\nException raised from", "\nThe above operation failed", "This could be because"} {
		message, _, _ = strings.Cut(message, trace)
	}
	return &OperatorError{Operator: operator, Message: strings.TrimSpace(message)}
}

// DeviceError says that a device is not there. It wraps engine.ErrUnavailable.
type DeviceError struct {
	Device string
	Reason string
}

func (e *DeviceError) Error() string { return fmt.Sprintf("device %q: %s", e.Device, e.Reason) }

// Unwrap gives engine.ErrUnavailable.
func (e *DeviceError) Unwrap() error { return engine.ErrUnavailable }

// Hint says what there is instead.
func (e *DeviceError) Hint() string {
	return "use --device cpu; `beitzoo doctor` says which devices there are and what CUDA lacks"
}

// DTypeError says that this libtorch does not compute in a dtype on the CPU. It wraps engine.ErrUnavailable.
type DTypeError struct {
	DType tensor.DType
}

func (e *DTypeError) Error() string {
	return fmt.Sprintf("this libtorch does not compute in %s on the CPU", e.DType)
}

// Unwrap gives engine.ErrUnavailable.
func (e *DTypeError) Unwrap() error { return engine.ErrUnavailable }

// Hint says what it does compute in.
func (e *DTypeError) Hint() string {
	return "use --dtype f32, or a newer libtorch: `make libtorch` fetches one"
}
