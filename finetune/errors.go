package finetune

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// DivergedError says that the loss or a gradient is no longer finite. The state before the step is kept.
type DivergedError struct {
	// Step is the number of the step, from 0 on, Epoch that of its epoch, and Rate its learning rate.
	Step, Epoch int
	Rate        float64
	// Err says what is not finite.
	Err *engine.GradientError
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("step %d of epoch %d, with a learning rate of %.3g: %s", e.Step+1, e.Epoch+1, e.Rate, e.Err)
}

// Unwrap returns Err.
func (e *DivergedError) Unwrap() error { return e.Err }

// Is reports whether kind is errdef.ErrInput.
func (e *DivergedError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what helps.
func (e *DivergedError) Hint() string {
	where, kept := "", ""
	if e.Step > 0 || e.Epoch > 0 {
		where, kept = ", in another folder,", "the state before it is kept, from which only the same settings go on: "
	}
	return fmt.Sprintf("%sstart again%s with a lower learning rate, a longer warm-up, or gradients clipped to a norm of 1; with bfloat16 try float32", kept, where)
}

// StoppedError says that a training was stopped before its end.
type StoppedError struct {
	// Step steps of Steps are done, and the state after step Kept is in the folder: that is less than Step if it could not be written, and 0 if there is none.
	Step, Steps, Kept int
	// Err is the end of the context, or what stopped the training else.
	Err error
}

func (e *StoppedError) Error() string {
	kept := "nothing is kept"
	switch {
	case e.Kept == e.Step && e.Kept > 0:
		kept = "its state is kept"
	case e.Kept > 0:
		kept = fmt.Sprintf("the state after step %d is kept", e.Kept)
	}
	message := fmt.Sprintf("stopped after step %d of %d, and %s", e.Step, e.Steps, kept)
	if errors.Is(e.Err, context.Canceled) && e.Kept == e.Step { // whoever asked for it knows why
		return message
	}
	return fmt.Sprintf("%s: %v", message, e.Err)
}

// Unwrap returns Err.
func (e *StoppedError) Unwrap() error { return e.Err }

// Hint says how to go on.
func (e *StoppedError) Hint() string {
	hint := errdef.Hint(e.Err)
	switch {
	case e.Kept == 0:
		return hint
	case hint == "":
		return "the same command goes on from there"
	case errors.As(e.Err, new(*pictureError)):
		return "put back the picture as it was when the training began; then the same command goes on from there; without it train anew, in another folder"
	}
	return hint + "; then the same command goes on from there"
}

// pictureError is a picture that can't be had while a training runs.
type pictureError struct{ error }

func (e *pictureError) Unwrap() error { return e.error }

// Hint says what helps. Another picture in its place would be other data.
func (e *pictureError) Hint() string {
	return "put back the picture as it was when the training began, or train anew without it, in another folder"
}

// What is wrong with a file in the folder of a training.
var (
	errNotWritten = errdef.New(errdef.ErrInput, "it is not what the training wrote: it is damaged, or another file was put in its place")
	errNoState    = errdef.New(errdef.ErrUsage, "the best parameters of this training would be written over it, and no state here says that it belongs to it")
)

// StateError says why a training can't go on from what is in a folder.
type StateError struct {
	// Path is the file.
	Path string
	// Differences say in what that training is not this one; empty if the file is not a state of a training at all.
	Differences []string
	// Err is why the file can't be read, or nil.
	Err error
}

func (e *StateError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	case len(e.Differences) == 0:
		return fmt.Sprintf("%s: it is not the state of a training", e.Path)
	}
	return fmt.Sprintf("%s: it is of another training: %s", e.Path, strings.Join(e.Differences, "; "))
}

// Unwrap returns Err.
func (e *StateError) Unwrap() error { return e.Err }

// Is reports whether kind is errdef.ErrUsage.
func (e *StateError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *StateError) Hint() string {
	help := "go on with what that training was started with, or keep this one in another folder"
	switch {
	case errors.Is(e.Err, errNoState):
		return "keep this training in another folder, or move that file away"
	case errors.Is(e.Err, errNotWritten):
		help = "put back the file as it was, or keep this training in another folder"
	}
	return fmt.Sprintf("%s; without %s and %s in %s it starts anew", help, StateName, BestName, text.Quote(filepath.Dir(e.Path)))
}
