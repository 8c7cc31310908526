package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/internal/text"
)

// The rules of the user interface, which every command keeps:
//
//   - Standard output is for results and nothing else, so that it can be piped. Without --json a result is text for people; its wording may change.
//     A result that cannot be written is an error of the command.
//   - Standard error is for everything beside the result: progress, notes ("note: ..."), and the error that ended the command.
//   - --json makes the result one JSON object on standard output, indented, with keys in snake_case that are stable. Notes are in its list "notes".
//     Progress and notes become one JSON event a line on standard error, and an error one JSON object there, with the same text, hint and exit code.
//   - --quiet leaves out progress and notes, never the result and never an error.
//   - A progress bar is drawn only if standard error is a terminal. Nothing has colours, so nothing depends on them.
//   - An error is one sentence, "beitzoo: what was tried and what was found", and a line "hint: what to do or to type next".
//   - The exit code says what kind of error it was (exit.go). "No" is an answer: verify and diff print why and exit with 1, without an error message.
//   - Words from files and servers may hold anything; control characters among them are shown as escapes, and so are line breaks, so that no word can
//     pass for a line of the program.
//   - Nothing is asked for, except the password of a key, and that on a terminal alone.
//   - Only main ends the process. What a command writes to disk appears whole or not at all, also if the command is interrupted.

// console is where a command reads and writes. Results go to out, messages to err.
type console struct {
	in       io.Reader
	out, err io.Writer
	// terminal says that err is a terminal, where progress bars can be drawn; width is its width in columns.
	terminal bool
	width    int
	// columns is the width for text on out: COLUMNS if that is set, else that of the terminal; 0 if out is not a terminal.
	columns int
	// asJSON and quiet are the values of --json and --quiet.
	asJSON, quiet bool
	// line is the command line, and args its words.
	line commandLine
	args []string
	// results is what out is while run runs a command, and notes are what the command remarked.
	results *resultWriter
	notes   *noteList
}

// resultWriter remembers the first error of writing the result, which most callers of fmt.Fprintf and the like do not look at.
type resultWriter struct {
	to  io.Writer
	err error
}

func (w *resultWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.to.Write(p)
	if err != nil {
		w.err = &resultError{err}
	}
	return n, w.err
}

// resultError says that the result could not be written to standard output.
type resultError struct{ err error }

func (e *resultError) Error() string {
	cause := e.err
	if path := (*fs.PathError)(nil); errors.As(cause, &path) {
		cause = path.Err
	}
	return fmt.Sprintf("writing the result to standard output: %v", cause)
}

func (e *resultError) Unwrap() error { return e.err }

// Is reports that the machine lacks something: space, or an open output.
func (e *resultError) Is(kind error) bool { return kind == errdef.ErrUnavailable }

// Hint returns what to do.
func (e *resultError) Hint() string {
	return "what the command did besides printing is done; look at what standard output is connected to"
}

// noteList collects notes. Libraries may report them from several goroutines.
type noteList struct {
	mu    sync.Mutex
	notes []string
}

func (l *noteList) add(note string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, note)
}

// begin prepares the console for one command.
func (c *console) begin(args []string) {
	c.args = args
	c.results = &resultWriter{to: c.out}
	c.out, c.notes = c.results, &noteList{}
}

func newConsole(in io.Reader, out, err *os.File) *console {
	c := &console{in: in, out: out, err: err, width: 80}
	if fd := int(err.Fd()); term.IsTerminal(fd) {
		c.terminal = true
		if width, _, sizeErr := term.GetSize(fd); sizeErr == nil && width > 0 {
			c.width = width
		}
	}
	if fd := int(out.Fd()); term.IsTerminal(fd) {
		c.columns = usualWidth
		if width, _, sizeErr := term.GetSize(fd); sizeErr == nil && width > 0 {
			c.columns = width
		}
	}
	if columns, convErr := strconv.Atoi(os.Getenv("COLUMNS")); convErr == nil && columns > 0 {
		c.columns = columns
	}
	return c
}

// usualWidth is the width of texts where that of the terminal is not known.
const usualWidth = 80

// textWidth returns the width for texts such as the help.
func (c *console) textWidth() int { return max(narrowest, cmp.Or(c.columns, usualWidth)) }

// printf writes a line of the result. Line breaks and tabs in its values, which may come from files, are shown as escapes, except in those of type lines.
func (c *console) printf(format string, args ...any) {
	fmt.Fprintln(c.out, inLine(format, args))
}

// notef writes a message beside the result, in the same way.
func (c *console) notef(format string, args ...any) {
	fmt.Fprintln(c.err, inLine(format, args))
}

// lines is text that is printed with its line breaks.
type lines string

// inLine formats values so that none of them begins a line of its own.
func inLine(format string, args []any) string {
	kept := make([]any, len(args))
	for i, arg := range args {
		kept[i] = lineValue{arg}
	}
	return text.Printable(fmt.Sprintf(format, kept...))
}

// lineValue formats a value as fmt does, and keeps it within the line.
type lineValue struct{ value any }

// Format implements fmt.Formatter.
func (v lineValue) Format(state fmt.State, verb rune) {
	shown := fmt.Sprintf(fmt.FormatString(state, verb), v.value)
	if _, whole := v.value.(lines); !whole {
		shown = text.Line(shown)
	}
	_, _ = io.WriteString(state, shown)
}

// indented returns a message of several lines, of which all but the first are indented: none can pass for a message of its own.
func indented(message string) lines {
	all := strings.Split(message, "\n")
	for i, line := range all {
		if i > 0 && !strings.HasPrefix(line, "  ") {
			all[i] = "  " + line
		}
	}
	return lines(strings.Join(all, "\n"))
}

// remark writes a note, which is a sentence or an error, unless the user wants none, and keeps it for the JSON document.
func (c *console) remark(note any) {
	sentence := fmt.Sprint(note)
	if c.notes != nil {
		c.notes.add(sentence)
	}
	switch {
	case c.quiet:
	case c.asJSON:
		c.event(noteEvent{Event: "note", Note: sentence})
	default:
		c.notef("note: %s", indented(sentence))
	}
}

// remarkAll is remark for each of some notes.
func remarkAll[N any](c *console, notes []N) {
	for _, note := range notes {
		c.remark(note)
	}
}

// noteEvent is what a note looks like on standard error with --json.
type noteEvent struct {
	Event string `json:"event"`
	Note  string `json:"note"`
}

// event writes one line of JSON to standard error.
func (c *console) event(event any) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(event)
	_, _ = c.err.Write(text.JSON(line.Bytes()))
}

// result writes the whole result: the document, which must become a JSON object, with --json, otherwise what text prints.
func (c *console) result(document any, text func()) error {
	if c.asJSON {
		return c.json(document)
	}
	text()
	return nil
}

// json writes one object as the whole result. The notes of the command are added to its list "notes".
func (c *console) json(document any) error {
	var compact bytes.Buffer
	encoder := json.NewEncoder(&compact)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return err
	}
	if c.notes != nil && len(c.notes.notes) > 0 {
		if err := addNotes(&compact, c.notes.notes); err != nil {
			return err
		}
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		return err
	}
	_, err := c.out.Write(text.JSON(indented.Bytes()))
	return err
}

// addNotes adds the notes that a JSON object does not have yet to its list "notes", which comes last.
func addNotes(object *bytes.Buffer, notes []string) error {
	var own struct {
		Notes []string `json:"notes"`
	}
	if err := json.Unmarshal(object.Bytes(), &own); err != nil {
		return err
	}
	all := own.Notes
	for _, note := range notes {
		if !slices.Contains(all, note) {
			all = append(all, note)
		}
	}
	fields := json.NewDecoder(bytes.NewReader(object.Bytes()))
	var result bytes.Buffer
	if _, err := fields.Token(); err != nil {
		return err
	}
	result.WriteByte('{')
	for fields.More() {
		key, err := fields.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := fields.Decode(&value); err != nil {
			return err
		}
		if key != "notes" {
			fmt.Fprintf(&result, "%q:%s,", key, value)
		}
	}
	result.WriteString(`"notes":`)
	encoder := json.NewEncoder(&result)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(all); err != nil {
		return err
	}
	result.WriteString("}\n")
	*object = result
	return nil
}

// failure is what an error looks like with --json.
type failure struct {
	Error    string   `json:"error"`
	Hint     string   `json:"hint,omitempty"`
	ExitCode int      `json:"exit_code"`
	Notes    []string `json:"notes,omitempty"`
}

// report prints the error that ended a command and returns its exit code.
func (c *console) report(err error) int {
	code := exitCode(err)
	if c.results != nil && c.results.err != nil && (err == nil || code == exitDiffers) {
		err = c.results.err
		code = exitCode(err)
	}
	if err == nil || code == exitDiffers {
		return code
	}
	message, hint := c.shorten(plainError(err)), c.shorten(c.hint(err))
	if stopped := (*finetune.StoppedError)(nil); code == exitInterrupted && errors.As(err, &stopped) {
		message = c.shorten("interrupted: " + stopped.Error())
	} else if code == exitInterrupted {
		message, hint = "interrupted; nothing was left half done", ""
	}
	if c.asJSON {
		failed := failure{Error: message, Hint: hint, ExitCode: code}
		if c.notes != nil {
			failed.Notes = c.notes.notes
		}
		c.event(failed)
		return code
	}
	c.notef("beitzoo: %s", indented(message))
	if hint != "" {
		c.notef("hint: %s", indented(hint))
	}
	return code
}

// plainError returns the text of an error without the names that system calls have: "x.pth: no such file or directory", without "stat".
func plainError(err error) string {
	message := err.Error()
	if at := (*fs.PathError)(nil); errors.As(err, &at) && slices.Contains([]string{"stat", "lstat", "open", "read"}, at.Op) {
		message = strings.Replace(message, at.Error(), fmt.Sprintf("%s: %v", at.Path, at.Err), 1)
	}
	return message
}

// longestWord is the number of bytes of a word of the command line that a message repeats.
const longestWord = 300

// shorten cuts the words of the command line that a message repeats, if they are absurdly long, and keeps them within a line. Libraries do so themselves with
// what comes from files.
func (c *console) shorten(message string) string {
	for _, word := range c.args {
		if _, value, found := strings.Cut(word, "="); found && strings.HasPrefix(word, "-") {
			word = value
		}
		if shown := text.Line(text.Shorten(word, longestWord)); shown != word {
			message = strings.ReplaceAll(message, word, shown)
		}
	}
	return message
}
