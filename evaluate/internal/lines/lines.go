// Package lines reads files of lines that a killed process may have left with a part of a line at the end.
package lines

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/beitzoo/beitzoo/errdef"
)

// Reader reads lines that end with a line break.
type Reader struct {
	from *bufio.Reader
	// Whole is the number of bytes of the lines so far, and Torn of what follows the last.
	Whole, Torn int64
}

// NewReader returns a reader of lines.
func NewReader(r io.Reader) *Reader { return &Reader{from: bufio.NewReaderSize(r, 1<<16)} }

// ErrTorn says that the last line does not end with a line break: a killed process left it.
var ErrTorn = errdef.New(errdef.ErrInput, "the last line is not complete")

// Begins reports whether what comes next begins with text, which is short.
func (r *Reader) Begins(text string) bool {
	start, _ := r.from.Peek(len(text))
	return string(start) == text
}

// Next returns the next line of at most limit bytes, without its end; io.EOF after the last, and ErrTorn if that is not complete.
func (r *Reader) Next(limit int) ([]byte, error) {
	var kept []byte
	for {
		part, err := r.from.ReadSlice('\n')
		kept = append(kept, part...)
		switch {
		case len(kept) > limit:
			return nil, fmt.Errorf("it has more than %d bytes", limit)
		case err == nil:
			r.Whole += int64(len(kept))
			return kept[:len(kept)-1], nil
		case errors.Is(err, io.EOF) && len(kept) > 0:
			r.Torn = int64(len(kept))
			return nil, ErrTorn
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// Limits are how many bytes the first line of a file, and each other, may have: files may be hostile.
type Limits struct{ First, Other int }

// Scan calls first with the first line, and other with each that follows, up to the last whole one. first gets nil if the file does not begin with opening, or
// has no whole line. After an error, of reading or of one of them, Scan returns it with the number of its line, from 1.
func (r *Reader) Scan(opening string, limits Limits, first, other func(line []byte) error) (number int, err error) {
	var line []byte
	if r.Begins(opening) {
		line, err = r.Next(limits.First)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, ErrTorn) {
		line, err = nil, nil
	}
	if err == nil {
		err = first(line)
	}
	for number = 1; err == nil; {
		number++
		if line, err = r.Next(limits.Other); err == nil {
			err = other(line)
		} else if errors.Is(err, io.EOF) || errors.Is(err, ErrTorn) {
			return 0, nil
		}
	}
	return number, err
}
