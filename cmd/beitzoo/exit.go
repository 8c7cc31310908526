package main

import (
	"context"
	"errors"
	"syscall"

	"github.com/beitzoo/beitzoo/errdef"
)

// Exit codes, documented in docs/command-line.md.
const (
	exitOK          = 0
	exitDiffers     = 1
	exitUsage       = 2
	exitInput       = 3
	exitNetwork     = 4
	exitDigest      = 5
	exitUnavailable = 6
	exitInterrupted = 130
)

// exitMeanings says what the codes mean, in the manual pages. A test compares it with docs/command-line.md.
var exitMeanings = []struct {
	code    int
	meaning string
}{
	{exitOK, "done; verified"},
	{exitDiffers, "verification failed, or models differ"},
	{exitUsage, "wrong usage"},
	{exitInput, "input unreadable, malformed, hostile or of the wrong model; also where some of many images could not be read"},
	{exitNetwork, "network or source unreachable"},
	{exitDigest, "digest or signature mismatch"},
	{exitUnavailable, "needs something this build or machine lacks: libtorch, CUDA, disk space"},
	{exitInterrupted, "interrupted"},
}

// exitCodes has the exit code of each kind of error. Each error type says its kind itself; a test walks them.
var exitCodes = map[error]int{
	nil:               exitOK,
	context.Canceled:  exitInterrupted,
	errdef.ErrDiffers: exitDiffers,
	// Only a program that sets a deadline meets it: timeouts of sources are errdef.ErrNetwork.
	context.DeadlineExceeded: exitInput,
	errdef.ErrUsage:          exitUsage,
	errdef.ErrInput:          exitInput,
	errdef.ErrNetwork:        exitNetwork,
	errdef.ErrIntegrity:      exitDigest,
	errdef.ErrUnavailable:    exitUnavailable,
}

// exitCode returns the exit code for an error, or for none.
func exitCode(err error) int {
	code := exitCodes[errdef.Kind(err)]
	// Errors of the system have no kind. A full disk may lie below an error about a source, and is what the user can do something about.
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if full && (code == exitInput || code == exitDigest || code == exitNetwork) {
		return exitUnavailable
	}
	return code
}

// errDiffers is returned by commands whose answer is "no": verification failed, models differ. They have said why themselves.
var errDiffers = errdef.New(errdef.ErrDiffers, "differs")

// usageError is wrong use of the command line.
type usageError struct{ text, hint string }

func (e *usageError) Error() string        { return e.text }
func (e *usageError) Hint() string         { return e.hint }
func (e *usageError) Is(target error) bool { return target == errdef.ErrUsage }
