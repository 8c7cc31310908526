package naming

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// MapProblem is one thing that is wrong with a map file.
type MapProblem struct {
	// Line is counted from 1; 0 is unknown.
	Line int
	// Row is the row, or the setting, that is wrong, or empty if it is the file as a whole.
	Row string
	// Text says what is wrong with it, Nearest what was probably meant, or is empty.
	Text, Nearest string
}

// MapError says everything that is wrong with a map file.
type MapError struct {
	File     string
	Problems []MapProblem
}

func (e *MapError) Error() string {
	var lines []string
	for i, p := range e.Problems {
		if i == listedProblems {
			lines = append(lines, fmt.Sprintf("and %d more problems", len(e.Problems)-i))
			break
		}
		line := e.File + ": "
		if p.Line > 0 {
			line = fmt.Sprintf("%s:%d: ", e.File, p.Line)
		}
		if p.Row != "" {
			line += p.Row + ": "
		}
		line += p.Text
		if p.Nearest != "" {
			line += " (near: " + p.Nearest + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// listedProblems is how many problems Error lists; the field has them all.
const listedProblems = 10

// Is reports that the file is unusable input.
func (e *MapError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what a right one looks like.
func (e *MapError) Hint() string {
	return "compare it with the map of a scheme that is known"
}

// GapError says that a map has no row for parameters of a model.
type GapError struct {
	// Map is the name of the map, and Parameters are the canonical names.
	Map        string
	Parameters []string
	// Writing: the model can't be written by the map; otherwise it can't be read.
	Writing bool
}

func (e *GapError) Error() string {
	what := "read"
	if e.Writing {
		what = "write"
	}
	return fmt.Sprintf("%s has no row by which to %s %s", e.Map, what, text.List(e.Parameters, listed, ""))
}

// Is reports that the map is unusable input for this model.
func (e *GapError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to add.
func (e *GapError) Hint() string {
	hint := "add a row to the map: " + e.Parameters[0] + ": NAME"
	if e.Writing {
		return hint + "; a row with read_only doesn't count"
	}
	return hint
}
