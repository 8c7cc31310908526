package fit

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
	"github.com/beitzoo/beitzoo/errdef"
)

// ErrUnfitted means that there is no workspace, or that it does not use a fitted gotch.
var ErrUnfitted = errdef.New(errdef.ErrUnavailable, "gotch is not fitted to a libtorch here")

// CompilerError is a C++ compiler that does not run.
type CompilerError struct {
	Command string
	Err     error
}

func (e *CompilerError) Error() string {
	return fmt.Sprintf("the C++ compiler %q does not run: %v", e.Command, e.Err)
}

// Unwrap returns why it does not run.
func (e *CompilerError) Unwrap() error { return e.Err }

// Hint says what to install.
func (e *CompilerError) Hint() string {
	return "install one (Debian, Ubuntu: apt-get install g++), or set CXX to yours"
}

// Is reports that the machine lacks something.
func (e *CompilerError) Is(kind error) bool { return kind == errdef.ErrUnavailable }

// IncompatibleError is a gotch that does not compile against this libtorch, for a reason that no stub removes.
type IncompatibleError struct {
	// Complaints are the messages of the compiler.
	Complaints string
}

func (e *IncompatibleError) Error() string {
	lines := strings.Split(e.Complaints, "\n")
	return "gotch does not compile against this libtorch:\n" + strings.Join(lines[:min(len(lines), 20)], "\n")
}

// Hint lists the versions that are known to work.
func (e *IncompatibleError) Hint() string {
	var numbers []string
	for _, v := range libtorch.Versions() {
		numbers = append(numbers, v.Number)
	}
	return fmt.Sprintf("beitzoo is tested with libtorch %s: `make libtorch` fetches %s", strings.Join(numbers, ", "), libtorch.Default)
}

// Is reports that the machine lacks something.
func (e *IncompatibleError) Is(kind error) bool { return kind == errdef.ErrUnavailable }

// StubbedError lists the functions that the engine calls and this libtorch does not have.
type StubbedError struct {
	Functions []string
	Version   string
}

func (e *StubbedError) Error() string {
	return fmt.Sprintf("libtorch %s lacks what the engine needs: %s", e.Version, strings.Join(e.Functions, ", "))
}

// Hint says how to get another libtorch.
func (e *StubbedError) Hint() string {
	return "type `make libtorch` for one that has them, or set LIBTORCH to another"
}

// Is reports that the machine lacks something.
func (e *StubbedError) Is(kind error) bool { return kind == errdef.ErrUnavailable }
