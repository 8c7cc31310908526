package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/beitzoo/beitzoo/internal/text"
)

// The rules of the user interface, which every command keeps:
//
//   - Standard output is for results and nothing else, so that it can be piped. Without --json a result is text for people; its wording may change.
//   - Standard error is for everything beside the result: progress, notes ("note: ..."), and the error that ended the command.
//   - --json makes the result one JSON document on standard output. Its keys are stable. Progress becomes one JSON event a line on standard error,
//     and an error one JSON object there, with the same text, hint and exit code.
//   - --quiet leaves out progress and notes, never the result and never an error.
//   - A progress bar is drawn only if standard error is a terminal. Nothing has colours, so nothing depends on them.
//   - An error is one sentence, "beitzoo: what was tried and what was found", and a line "hint: what to do or to type next".
//   - The exit code says what kind of error it was (exit.go). "No" is an answer: verify and diff print why and exit with 1, without an error message.
//   - Words from files and servers may hold anything; control characters among them are shown as escapes.
//   - Nothing is asked for, except the password of a key, and that on a terminal alone.
//   - Only main ends the process. What a command writes to disk appears whole or not at all, also if the command is interrupted.

// console is where a command reads and writes. Results go to out, messages to err.
type console struct {
	in       io.Reader
	out, err io.Writer
	// terminal says that err is a terminal, where progress bars can be drawn; width is its width in columns.
	terminal bool
	width    int
	// asJSON and quiet are the values of --json and --quiet.
	asJSON, quiet bool
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
func (c *console) printf(format string, args ...any) {
	fmt.Fprintln(c.out, text.Printable(fmt.Sprintf(format, args...)))
}

// notef writes a message beside the result.
func (c *console) notef(format string, args ...any) {
	fmt.Fprintln(c.err, text.Printable(fmt.Sprintf(format, args...)))
}

// remark writes a note, which is a sentence or an error, unless the user wants none.
func (c *console) remark(note any) {
	if !c.quiet {
		c.notef("note: %v", note)
	}
}

// result writes the whole result: the document with --json, otherwise what text prints.
func (c *console) result(document any, text func()) error {
	if c.asJSON {
		return c.json(document)
	}
	text()
	return nil
}

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

// report prints the error that ended a command and returns its exit code.
func (c *console) report(err error) int {
	code := exitCode(err)
	if err == nil || code == exitDiffers {
		return code
	}
	message := err.Error()
	if code == exitInterrupted {
		message = "interrupted; nothing was left half done"
	}
	if c.asJSON {
		_ = json.NewEncoder(c.err).Encode(failure{Error: message, Hint: hintOf(err), ExitCode: code})
		return code
	}
	c.notef("beitzoo: %s", message)
	if hint := hintOf(err); hint != "" && code != exitInterrupted {
		c.notef("hint: %s", hint)
	}
	return code
}
