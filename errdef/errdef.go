package errdef

import (
	"context"
	"errors"
)

// The kinds of errors. Ask for them with Kind: it also knows the kind of errors that have none of their own, such as those of the system.
var (
	// ErrUsage: the request is wrong: an unknown name, options that contradict each other, a target that must not be replaced.
	ErrUsage = errors.New("wrong usage")
	// ErrInput: what was read is malformed, hostile, of an unsupported form, or not the model that it should be.
	ErrInput = errors.New("unusable input")
	// ErrDiffers: two models, or two runs of a model, are not the same.
	ErrDiffers = errors.New("differs")
	// ErrNetwork: a source could not be reached, refused, or does not have what was asked for.
	ErrNetwork = errors.New("source not available")
	// ErrIntegrity: a digest or a signature does not match.
	ErrIntegrity = errors.New("digest or signature mismatch")
	// ErrUnavailable: the program as it is built, or the machine, lacks something: libtorch, a GPU, space on a disk.
	ErrUnavailable = errors.New("not available here")
)

// kinds are ordered by precedence, for errors that join several. First are those that the user can remedy: the request, then the machine.
var kinds = []error{context.Canceled, ErrDiffers, ErrUsage, ErrUnavailable, ErrIntegrity, ErrNetwork, context.DeadlineExceeded, ErrInput}

// Kind returns the kind of an error: context.Canceled, context.DeadlineExceeded or one of the variables above. An error without a kind, such as one of the standard library,
// counts as ErrInput, because nearly all of them come from reading something. Kind of nil is nil.
func Kind(err error) error {
	if err == nil {
		return nil
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return ErrInput
}

// New returns an error with a fixed text and kind, for package variables such as ErrMalformed that other errors wrap.
func New(kind error, text string) error { return &sentinel{kind, text} }

type sentinel struct {
	kind error
	text string
}

func (s *sentinel) Error() string { return s.text }

// Is reports whether target is the kind.
func (s *sentinel) Is(target error) bool { return target == s.kind }

// Hint returns what the user can do about an error: the result of the first Hint method in the tree that errors.As walks, or "".
func Hint(err error) string {
	var advisor interface {
		error
		Hint() string
	}
	if errors.As(err, &advisor) {
		return advisor.Hint()
	}
	return ""
}
