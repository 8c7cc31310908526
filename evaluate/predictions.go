package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/internal/lines"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// The limits of lines, in bytes: files may be hostile. A header has the names of up to [arch.MaxClasses] classes.
const (
	maxHeader = 64 << 20
	maxRecord = 1 << 20
	// maxLoss is far above the loss of any model, and the sum of many such is finite.
	maxLoss = 1e100
)

// lineLimits are those of the lines of a file of predictions.
var lineLimits = lines.Limits{First: maxHeader, Other: maxRecord}

// Predictions is a file of predictions: a header, then a line for each image. It is not open between calls.
type Predictions struct {
	Path   string
	Header Header
	// Finished reports that the evaluation reached the end of its images.
	Finished bool
	// Tally has all records.
	Tally *Tally
	// Torn is the number of bytes behind the last whole line, which a killed process left.
	Torn int64

	size   int64   // of the whole lines
	ledger *ledger // nil unless each image is compared with the data, which tells more than their digest
}

// FileError says what is wrong with a file of predictions.
type FileError struct {
	Path string
	// Line is its number, from 1, or 0 if it is about the whole file.
	Line int
	Err  error
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s, line %d: %v", e.Path, e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Is reports that the file is unusable input.
func (e *FileError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says where such a file comes from.
func (e *FileError) Hint() string {
	return "a file of predictions is one that an evaluation wrote; if this one was damaged, cut it before that line and resume, or begin anew"
}

// opening is what a header begins with, so that nothing else is read as one, whatever its size.
const opening = `{"format"`

// errNotPredictions says that a file was written by something else.
var errNotPredictions = errdef.New(errdef.ErrInput, "not a file of predictions: its first line is not the header of one")

// ReadPredictions reads and checks a whole file of predictions. The error is a *[FileError], or one of the system.
func ReadPredictions(path string) (*Predictions, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readPredictions(path, file, nil)
}

func openRegular(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &disk.NotRegularError{Path: path, Mode: info.Mode()}
	}
	return os.Open(path)
}

// readPredictions is [ReadPredictions] for an open file. The ledger, if not nil, gets all records.
func readPredictions(path string, file io.Reader, images *ledger) (*Predictions, error) {
	from := lines.NewReader(file)
	p := &Predictions{Path: path, ledger: images}
	header := func(raw []byte) error {
		if raw == nil || json.Unmarshal(raw, &p.Header) != nil || p.Header.Format != Format {
			return errNotPredictions
		}
		p.Tally = NewTally(p.Header)
		return p.Header.check()
	}
	if number, err := from.Scan(opening, lineLimits, header, p.add); err != nil {
		return nil, &FileError{Path: path, Line: number, Err: err}
	}
	p.size, p.Torn = from.Whole, from.Torn
	return p, nil
}

// errOtherImages says that records are not about the images of the data.
var errOtherImages = errdef.New(errdef.ErrInput, "the records before have other names, right classes or real labels than the data: their digest is not that of the header")

// add counts a line.
func (p *Predictions) add(raw []byte) error {
	l, err := readLine(raw)
	if err != nil {
		return err
	}
	if l.End != nil {
		p.Finished = true
		if l.End.Images != p.Tally.Done() {
			return fmt.Errorf("the end says %s, there are %d", text.Count(l.End.Images, "image", "images"), p.Tally.Done())
		}
		if d := p.Header.Data; d.Images >= 0 && l.End.Images != d.Shard.Count(d.Images) {
			return fmt.Errorf("the end says %s, the part has %d", text.Count(l.End.Images, "image", "images"), d.Shard.Count(d.Images))
		}
		if p.ledger == nil && p.Header.Data.Shard.Of == 1 && !p.Tally.listed() {
			return errOtherImages
		}
		return nil
	}
	if err := p.Header.checkRecord(l.Record); err != nil {
		return err
	}
	if err := p.Tally.Add(l.Record); err != nil {
		return err
	}
	if p.ledger != nil {
		p.ledger.enter(l.Record)
	}
	return nil
}

// Records yields the records that count, in the order of the file: of an image that could be read only later the last one. Every call reads the file again.
func (p *Predictions) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for n, err := range p.numbered() {
			if !yield(n.Record, err) {
				return
			}
		}
	}
}

// numbered is a record with the number of its line.
type numbered struct {
	Record
	number int
}

// numbered yields what Records does.
func (p *Predictions) numbered() iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		file, err := openRegular(p.Path)
		if err != nil {
			yield(numbered{}, err)
			return
		}
		defer file.Close()
		from := lines.NewReader(io.LimitReader(file, p.size))
		_, err = from.Next(maxHeader)
		failed := marks{} // of which a record was yielded
		for number := 2; err == nil; number++ {
			var raw []byte
			if raw, err = from.Next(maxRecord); err != nil {
				break
			}
			var l line
			if l, err = readLine(raw); err != nil {
				break
			}
			at := l.place()
			if l.End != nil || l.Error != "" && (p.Tally.done.has(at) || failed.has(at)) {
				continue
			}
			if l.Error != "" {
				failed.set(at)
			}
			if !yield(numbered{l.Record, number}, nil) {
				return
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			yield(numbered{}, &FileError{Path: p.Path, Err: err})
		}
	}
}

// Summary returns the figures of the file.
func (p *Predictions) Summary() *Summary { return summarise(p.Tally, p.Finished) }
