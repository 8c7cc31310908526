package libtorch

import (
	"fmt"
	"strings"
)

// setUp is what to type on a machine without libtorch, in a checkout of beitzoo.
const setUp = "type `make libtorch`, which fetches one into your cache folder, or set LIBTORCH to the folder of one with lib/ and include/"

// IncompleteError says that a libtorch is there, but not what it needs.
type IncompleteError struct {
	Library string
	Missing []string
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%s needs %s, which this machine lacks", e.Library, strings.Join(e.Missing, ", "))
}

// Hint names the Python packages that hold the CUDA run time, the usual thing to be missing.
func (e *IncompleteError) Hint() string {
	for _, name := range e.Missing {
		if strings.HasPrefix(name, "libcudart") || strings.HasPrefix(name, "libcupti") {
			return "install the packages nvidia-cuda-runtime and nvidia-cuda-cupti beside torch, or " + setUp
		}
	}
	return setUp
}

// NotFoundError says that no place has a usable libtorch, and why for each place.
type NotFoundError struct {
	Tried []Attempt
}

// Attempt is a place that Find looked at, and what was wrong there.
type Attempt struct {
	Origin Origin
	Err    error
}

func (e *NotFoundError) Error() string {
	lines := []string{"no usable libtorch on this machine"}
	for _, attempt := range e.Tried {
		lines = append(lines, fmt.Sprintf("  %s: %v", attempt.Origin, attempt.Err))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the reasons.
func (e *NotFoundError) Unwrap() []error {
	var reasons []error
	for _, attempt := range e.Tried {
		reasons = append(reasons, attempt.Err)
	}
	return reasons
}

// Hint says how to get one.
func (e *NotFoundError) Hint() string { return setUp }
