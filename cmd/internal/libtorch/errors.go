package libtorch

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
)

// ErrAbsent means that a place has no libtorch at all.
var ErrAbsent = errdef.New(errdef.ErrUnavailable, "has no libtorch")

// install says what to do on a machine without libtorch, in a checkout of beitzoo.
const install = "type `make libtorch`, which fetches one into your cache folder, or set LIBTORCH to the folder of one with lib/ and include/"

// OriginError is a place that Find does not know.
type OriginError struct {
	Origin Origin
}

func (e *OriginError) Error() string { return fmt.Sprintf("unknown place %q", e.Origin) }

// Hint lists the places.
func (e *OriginError) Hint() string { return fmt.Sprintf("known: %v", Origins()) }

// Is reports that the request is wrong.
func (e *OriginError) Is(kind error) bool { return kind == errdef.ErrUsage }

// IncompleteError is a libtorch that is there, without libraries that it needs.
type IncompleteError struct {
	Library string
	Missing []string
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%s needs %s, which this machine lacks", e.Library, strings.Join(e.Missing, ", "))
}

// Hint names the Python packages that hold the CUDA run time, which is what is usually missing.
func (e *IncompleteError) Hint() string {
	for _, name := range e.Missing {
		if strings.HasPrefix(name, "libcudart") || strings.HasPrefix(name, "libcupti") {
			return "install the packages nvidia-cuda-runtime and nvidia-cuda-cupti beside torch, or " + install
		}
	}
	return install
}

// Is reports that the machine lacks something.
func (e *IncompleteError) Is(kind error) bool { return kind == errdef.ErrUnavailable }

// NotFoundError says for each place why it has no usable libtorch.
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

// Unwrap returns what was wrong at each place.
func (e *NotFoundError) Unwrap() []error {
	var reasons []error
	for _, attempt := range e.Tried {
		reasons = append(reasons, attempt.Err)
	}
	return reasons
}

// Hint says how to get a libtorch.
func (e *NotFoundError) Hint() string { return install }

// Is reports that the machine lacks something.
func (e *NotFoundError) Is(kind error) bool { return kind == errdef.ErrUnavailable }
