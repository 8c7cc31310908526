package adapt

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// OptionsError says that options contradict each other, or do not fit the model.
type OptionsError struct {
	// Option is the field of [Options] that has to be set otherwise.
	Option         string
	Reason, Advice string
}

func (e *OptionsError) Error() string { return e.Reason }

// Is reports that the request was wrong.
func (e *OptionsError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns what to ask for.
func (e *OptionsError) Hint() string { return e.Advice }

// SizeError says that the model can't have images of a size.
type SizeError struct {
	// Height, Width and PatchSize are in pixels.
	Height, Width, PatchSize int
	// Nearest are the next sizes below and above, height and width, that are possible.
	Nearest [][2]int
	// Err says why a size that patches divide is impossible; or nil.
	Err error
}

func (e *SizeError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("no model takes images of %d x %d pixels: %s", e.Height, e.Width, e.Err)
	}
	return fmt.Sprintf("images of %d x %d pixels can't be cut into patches of %d x %d", e.Height, e.Width, e.PatchSize, e.PatchSize)
}

// Unwrap returns why the size is impossible.
func (e *SizeError) Unwrap() error { return e.Err }

// Is reports that the request was wrong.
func (e *SizeError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names the nearest sizes.
func (e *SizeError) Hint() string {
	if len(e.Nearest) == 0 {
		return fmt.Sprintf("height and width must be multiples of %d", e.PatchSize)
	}
	sizes := make([]string, len(e.Nearest))
	for i, s := range e.Nearest {
		sizes[i] = fmt.Sprintf("%dx%d", s[0], s[1])
	}
	return "the nearest sizes are " + strings.Join(sizes, " and ")
}

// WindowError says that a table is too small for a spline.
type WindowError struct{ Height, Width int }

func (e *WindowError) Error() string {
	return fmt.Sprintf("a table for %d x %d patches can't be resized by a cubic spline, which needs 3 patches along each axis", e.Height, e.Width)
}

// Is reports that the request does not fit the model.
func (e *WindowError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *WindowError) Hint() string { return "resize it as timm does, whose interpolation is linear" }

// RowsError lists everything that is wrong with a choice of rows.
type RowsError struct{ Problems []RowProblem }

// RowProblem is one row that can't be chosen.
type RowProblem struct {
	// Line is the number of the row in the choice, from 1.
	Line int
	// Reason is a sentence.
	Reason string
}

// mostRows is how many problems a message has.
const mostRows = 8

func (e *RowsError) Error() string {
	reasons := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		reasons[i] = fmt.Sprintf("row %d: %s", p.Line, p.Reason)
	}
	return fmt.Sprintf("%s of the new head can't be taken from the old one: ", text.Count(len(reasons), "row", "rows")) + text.List(reasons, mostRows, "")
}

// Is reports that the choice is unusable.
func (e *RowsError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what a choice is.
func (e *RowsError) Hint() string {
	return "give one row a line, either as the numbers of the model's classes, from 0, or all as their names"
}
