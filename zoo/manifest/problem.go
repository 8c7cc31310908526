package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/beitzoo/beitzoo/errdef"
)

// Position is a line and a column of a file, both counted from 1. The zero value is unknown.
type Position struct{ Line, Column int }

// Problem is one thing that is wrong with a file.
type Problem struct {
	Position
	// Field is the path of the field, such as sources[1].digest, or empty.
	Field string
	// Text says what is wrong, without the field.
	Text string
	// SourceLine is that line of the file, shortened.
	SourceLine string
}

// String returns the field and what is wrong with it.
func (p Problem) String() string {
	if p.Field == "" {
		return p.Text
	}
	return p.Field + ": " + p.Text
}

// Error is everything that is wrong with a file.
type Error struct {
	// File is the name given to Parse.
	File     string
	Problems []Problem
}

// maxShown is how many problems a message lists at most.
const maxShown = 20

// Is makes an Error an errdef.ErrInput.
func (*Error) Is(kind error) bool { return kind == errdef.ErrInput }

// Error returns a line for each of the first problems, followed by the line of the file.
func (e *Error) Error() string {
	var lines []string
	for i, p := range e.Problems {
		if i == maxShown {
			lines = append(lines, fmt.Sprintf("%s: and %d more problems", e.File, len(e.Problems)-maxShown))
			break
		}
		at := e.File
		if p.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", e.File, p.Line, p.Column)
		}
		lines = append(lines, at+": "+p.String())
		if p.SourceLine != "" {
			lines = append(lines, fmt.Sprintf("%6d | %s", p.Line, p.SourceLine))
		}
	}
	return strings.Join(lines, "\n")
}

// maxSource is how much of an offending line an error shows.
const maxSource = 120

// sourceLine returns a line of raw (counted from 1), shortened and without characters that would control a terminal.
func sourceLine(raw []byte, line int) string {
	lines := bytes.SplitN(raw, []byte("\n"), line+1)
	if line < 1 || line > len(lines) {
		return ""
	}
	text := strings.ToValidUTF8(string(lines[line-1]), "?")
	text = strings.TrimRight(strings.Map(printable, text), " ")
	if len(text) > maxSource {
		text = strings.ToValidUTF8(text[:maxSource], "") + "..."
	}
	return text
}

func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}
