package checkpoint

import (
	"errors"
	"fmt"
)

// Kinds of problem with a file; [Error] wraps one of them.
var (
	// ErrFormat: no reader knows the container.
	ErrFormat = errors.New("not a checkpoint")
	// ErrMalformed: the container is damaged, truncated or inconsistent.
	ErrMalformed = errors.New("malformed")
	// ErrUnsafe: the file asks for code to be run, or for more memory than it could honestly need.
	ErrUnsafe = errors.New("unsafe")
	// ErrUnsupported: the container is sound, but holds something that cannot be read as tensors.
	ErrUnsupported = errors.New("unsupported")
	// ErrNoModel: the container is sound, but holds no model, or not the one that was asked for.
	ErrNoModel = errors.New("no model")
)

// Error says what is wrong with a checkpoint file.
type Error struct {
	// Path of the file, filled in by Open.
	Path string
	// Kind is one of the Err values of this package.
	Kind error
	// Offset is where in the file, in bytes, or negative where that has no meaning.
	Offset int64
	// Reason is a clause that says what was found and what was expected.
	Reason string
	// Advice is what the user could do, or empty where Kind says it all; see Hint.
	Advice string
}

func (e *Error) Error() string {
	text := e.Kind.Error() + ": " + e.Reason
	if e.Offset >= 0 {
		text += fmt.Sprintf(" (at byte %d)", e.Offset)
	}
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	return text
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Hint tells the user what to do next: the advice, or what helps with the kind of problem.
func (e *Error) Hint() string {
	if e.Advice == "" {
		return usualAdvice[e.Kind]
	}
	return e.Advice
}

// usualAdvice is for problems that nobody knows more about.
var usualAdvice = map[error]string{
	ErrFormat:      "pass the file that holds the model's weights, and check the download",
	ErrMalformed:   "the file is damaged or incomplete; download it again and compare its size with the publisher's",
	ErrUnsafe:      "no framework writes such a file for a model; do not load it elsewhere, and get the checkpoint from its publisher",
	ErrUnsupported: "save the model's state dict as plain tensors with the framework that wrote this file, and convert that",
	ErrNoModel:     "pass the file that holds the model's parameters",
}

// Errorf makes an Error of a kind without a place in the file. The reason is formatted; text from the file belongs in %q.
func Errorf(kind error, reason string, args ...any) *Error {
	return &Error{Kind: kind, Offset: -1, Reason: fmt.Sprintf(reason, args...)}
}

// WithHint adds advice and returns e.
func (e *Error) WithHint(advice string, args ...any) *Error {
	e.Advice = fmt.Sprintf(advice, args...)
	return e
}

// At adds the place in the file, in bytes, and returns e.
func (e *Error) At(offset int64) *Error {
	e.Offset = offset
	return e
}
