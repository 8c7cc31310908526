package main

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
)

// What the user can type next is said here, in hints_engine.go and in hints_model.go, in words of the command line: libraries know neither commands nor flags. Where
// there is nothing to say here, a library's own Hint counts.

// missingError says that a path which the user wrote leads to nothing.
type missingError struct {
	what missing
	err  error
}

// missing is what the path was meant for.
type missing int

const (
	modelFile missing = iota
	imageFolder
)

func (e *missingError) Error() string { return e.err.Error() }
func (e *missingError) Unwrap() error { return e.err }

func (e *missingError) Hint() string {
	if e.what == imageFolder {
		return "check the path; FOLDER has a folder of images for each class, such as val/n01440764/1.jpg"
	}
	return "check the path; a model can be a file, a folder, or a name that `beitzoo list` shows"
}

// hintOf returns what the user can do about an error, or "".
func hintOf(err error) string {
	for _, hint := range []string{engineHint(err), modelHint(err)} {
		if hint != "" {
			return hint
		}
	}
	if hint := errdef.Hint(err); hint != "" {
		return hint
	}
	if image := (*preprocess.FileError)(nil); errors.As(err, &image) && errors.Is(err, fs.ErrNotExist) {
		return "check the path of the image"
	}
	for _, h := range systemHints {
		if errors.Is(err, h.cause) {
			return h.hint
		}
	}
	return ""
}

// systemHints are for errors of the system, which have no hints of their own.
var systemHints = []struct {
	cause error
	hint  string
}{
	{engine.ErrUnavailable, "see what this machine has with: beitzoo doctor"},
	{syscall.ENOSPC, "free space on that disk, or write to another one with -o"},
	{syscall.EDQUOT, "free space within your quota, or write to another disk with -o"},
	{fs.ErrNotExist, "check the path"},
	{fs.ErrPermission, "check the permissions of the file and of its folder"},
}
