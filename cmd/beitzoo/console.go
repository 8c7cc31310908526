package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// console is where a command reads and writes. Results go to out, messages to err.
type console struct {
	in       io.Reader
	out, err io.Writer
	// terminal: err is a terminal, so that progress bars make sense.
	terminal bool
	// width of the terminal in columns.
	width int
}

func newConsole(in io.Reader, out, err *os.File) *console {
	c := &console{in: in, out: out, err: err, width: 80}
	if fd := int(err.Fd()); term.IsTerminal(fd) {
		c.terminal = true
		if width, _, sizeErr := term.GetSize(fd); sizeErr == nil {
			c.width = width
		}
	}
	return c
}

// printf writes a line of the result.
func (c *console) printf(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

// notef writes a message beside the result.
func (c *console) notef(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }

// json writes one value as the whole result.
func (c *console) json(value any) error {
	encoder := json.NewEncoder(c.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// failure is what an error looks like with --json.
type failure struct {
	Error    string `json:"error"`
	Hint     string `json:"hint,omitempty"`
	ExitCode int    `json:"exit_code"`
}

// report tells of the error that ended a command and gives its exit code.
func (c *console) report(err error, asJSON bool) int {
	code := exitCode(err)
	if err == nil || code == exitDiffers {
		return code
	}
	text := err.Error()
	if code == exitInterrupted {
		text = "interrupted; nothing was left half done"
	}
	if asJSON {
		_ = json.NewEncoder(c.err).Encode(failure{Error: text, Hint: hintOf(err), ExitCode: code})
		return code
	}
	c.notef("beitzoo: %s", text)
	if hint := hintOf(err); hint != "" && code != exitInterrupted {
		c.notef("hint: %s", hint)
	}
	return code
}
