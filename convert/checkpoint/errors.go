package checkpoint

import (
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
)

// Kinds of problem with a file; [Error] wraps one of them.
var (
	// ErrFormat: no reader knows the container.
	ErrFormat = errdef.New(errdef.ErrInput, "not a checkpoint")
	// ErrMalformed: the container is damaged, truncated or inconsistent.
	ErrMalformed = errdef.New(errdef.ErrInput, "malformed")
	// ErrUnsafe: the file asks for code to be run, or for more memory than it could honestly need.
	ErrUnsafe = errdef.New(errdef.ErrInput, "unsafe")
	// ErrUnsupported: the container is sound, but holds something that cannot be read as tensors.
	ErrUnsupported = errdef.New(errdef.ErrInput, "unsupported")
	// ErrNoModel: the container is sound, but holds no model, or not the one that was asked for.
	ErrNoModel = errdef.New(errdef.ErrInput, "no model")
)

// Error says what is wrong with a checkpoint file.
type Error struct {
	// Path of the file, filled in by Open.
	Path string
	// Kind is one of the Err values of this package.
	Kind error
	// Offset is where in the file, in bytes, or negative if that has no meaning.
	Offset int64
	// Reason is a clause that says what was found and what was expected.
	Reason string
	// Advice is what the user could do, or empty where Kind says it all; see Hint.
	Advice string
	// Keys are the names of which Options.Select can take one, if the advice is to do so.
	Keys []string
	// Absent: the file has nothing of the name that Options.Select gives.
	Absent bool
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

// Unwrap returns the kind, which is an errdef.ErrInput.
func (e *Error) Unwrap() error { return e.Kind }

// Hint returns what to do next: the advice, or what helps with the kind of problem.
func (e *Error) Hint() string {
	if e.Advice == "" {
		return usualAdvice[e.Kind]
	}
	return e.Advice
}

// usualAdvice is the hint of an error that has none of its own.
var usualAdvice = map[error]string{
	ErrFormat:      "give the file that holds the model's weights, and check the download",
	ErrMalformed:   "the file is damaged or incomplete; download it again and compare its size with the publisher's",
	ErrUnsafe:      "no framework writes such a file for a model; do not load it elsewhere, and get the checkpoint from its publisher",
	ErrUnsupported: "save the model's state dict as plain tensors with the framework that wrote this file, and convert that",
	ErrNoModel:     "give the file that holds the model's parameters",
}

// Offering adds the names that can be selected and returns e.
func (e *Error) Offering(keys []string) *Error {
	e.Keys = keys
	return e
}

// Errorf returns an Error of a kind without a place in the file. The reason is formatted; text from the file belongs in %q.
func Errorf(kind error, reason string, args ...any) *Error {
	return &Error{Kind: kind, Offset: -1, Reason: fmt.Sprintf(reason, args...)}
}

// Malformed is Errorf of kind ErrMalformed.
func Malformed(reason string, args ...any) *Error { return Errorf(ErrMalformed, reason, args...) }

// Unsafe is Errorf of kind ErrUnsafe.
func Unsafe(reason string, args ...any) *Error { return Errorf(ErrUnsafe, reason, args...) }

// Unsupported is Errorf of kind ErrUnsupported.
func Unsupported(reason string, args ...any) *Error { return Errorf(ErrUnsupported, reason, args...) }

// NoModel is Errorf of kind ErrNoModel.
func NoModel(reason string, args ...any) *Error { return Errorf(ErrNoModel, reason, args...) }

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
