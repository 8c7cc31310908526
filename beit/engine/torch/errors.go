//go:build libtorch

package torch

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
)

// OperatorError is a C++ exception of libtorch.
type OperatorError struct {
	// Operator is the name of the operator that threw it.
	Operator string
	// Message is libtorch's, without its stack trace.
	Message string
}

func (e *OperatorError) Error() string { return fmt.Sprintf("libtorch %s: %s", e.Operator, e.Message) }

// Is reports whether kind is errdef.ErrInput: most exceptions come from files and shapes.
func (e *OperatorError) Is(kind error) bool { return kind == errdef.ErrInput }

// OutOfMemory reports whether the device, or the machine, had too little memory.
func (e *OperatorError) OutOfMemory() bool {
	return strings.Contains(e.Message, "out of memory") || strings.Contains(e.Message, "can't allocate memory")
}

// Unsupported reports whether this libtorch lacks the operator for the dtype or the device.
func (e *OperatorError) Unsupported() bool { return strings.Contains(e.Message, "not implemented for") }

// Hint returns what a user can do about the exception, or "".
func (e *OperatorError) Hint() string {
	switch {
	case e.OutOfMemory():
		return "use a smaller batch, bfloat16, or the CPU"
	case e.Unsupported():
		return "this libtorch cannot compute in that dtype on that device: use float32"
	}
	return ""
}

// newOperatorError returns the error without the stack trace that libtorch adds to its messages, and without that of a program of this package.
func newOperatorError(operator, message string) *OperatorError {
	if _, traced, ok := strings.Cut(message, "Traceback of TorchScript (most recent call last)"); ok {
		if _, cause, ok := strings.Cut(traced, "\nRuntimeError: "); ok {
			message = cause
		}
	}
	for _, trace := range []string{"\nException raised from", "\nframe #0: ", "\nThe above operation failed", "This could be because"} {
		message, _, _ = strings.Cut(message, trace)
	}
	return &OperatorError{Operator: operator, Message: strings.TrimSpace(message)}
}

// ScriptError says that libtorch cannot load or run a TorchScript file as a model of an architecture.
type ScriptError struct {
	// Path is that of the file.
	Path string
	// Err is the exception of libtorch, or says how the module's result differs from the architecture.
	Err error
}

func (e *ScriptError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Err) }

// Unwrap returns Err.
func (e *ScriptError) Unwrap() error { return e.Err }

// Is reports whether kind is errdef.ErrInput.
func (e *ScriptError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what a usable file is.
func (e *ScriptError) Hint() string {
	return "give a file of torch.jit.save, with a module that turns images [1, 3, H, W] into the logits of the same architecture"
}
