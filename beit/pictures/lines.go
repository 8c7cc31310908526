package pictures

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// maxLine is the longest line of a list, in bytes: longer than paths are on any system.
const maxLine = 1 << 16

// LineError says what is wrong with a list.
type LineError struct {
	// List is the name of the list, and Line the number of the line, from 1.
	List string
	Line int
	Err  error
}

func (e *LineError) Error() string {
	return fmt.Sprintf("%s, line %d: %v", text.Quote(e.List), e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// Is reports unusable input.
func (e *LineError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what a list looks like.
func (e *LineError) Hint() string {
	return "a list has the path of one picture in each line"
}

var (
	errBinary = errdef.New(errdef.ErrInput, "it is not text")
	errLong   = errdef.New(errdef.ErrInput, fmt.Sprintf("it has more than %d bytes", maxLine))
)

// Lines yields the lines of a list of paths as they come, without their ends; empty ones are left out, and so is a mark of byte order at the
// start. The error, which ends the sequence, is a *[LineError]. name is that of the list, for messages.
func Lines(r io.Reader, name string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		lines := bufio.NewReaderSize(r, maxLine)
		for number := 1; ; number++ {
			raw, err := lines.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				err = errLong
			}
			line := strings.TrimRight(string(raw), "\r\n")
			if strings.ContainsRune(line, 0) {
				err = errBinary
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield("", &LineError{name, number, err})
				return
			}
			if number == 1 {
				line = strings.TrimPrefix(line, "\xef\xbb\xbf")
			}
			if line != "" && !yield(line, nil) || err != nil {
				return
			}
		}
	}
}
