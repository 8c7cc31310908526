package evaluate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// The limits of lines, in bytes: files may be hostile. A header has the names of up to [arch.MaxClasses] classes.
const (
	maxHeader = 256 << 20
	maxRecord = 1 << 20
	// maxLoss is far above the loss of any model, and the sum of many such is finite.
	maxLoss = 1e100
)

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

	size int64 // of the whole lines
}

// line is any line but the first.
type line struct {
	Record
	End *ending `json:"end,omitempty"`
}

// ending is the last line of an evaluation that reached the end of its images.
type ending struct {
	Images int `json:"images"`
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

// errNotPredictions says that a file was written by something else.
var errNotPredictions = errdef.New(errdef.ErrInput, "not a file of predictions: its first line is not the header of one")

// ReadPredictions reads and checks a whole file of predictions. The error is a *[FileError], or one of the system.
func ReadPredictions(path string) (*Predictions, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readPredictions(path, file)
}

func openRegular(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &disk.NotRegularError{Path: path, Mode: info.Mode()}
	}
	return os.Open(path)
}

// readPredictions is [ReadPredictions] for an open file.
func readPredictions(path string, file io.Reader) (*Predictions, error) {
	lines := &lineReader{from: bufio.NewReaderSize(file, 1<<16)}
	p := &Predictions{Path: path}
	raw, err := lines.next(maxHeader)
	if err == nil && json.Unmarshal(raw, &p.Header) != nil || p.Header.Format != Format && err == nil || errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
		err = errNotPredictions
	}
	if err == nil {
		err = p.Header.check()
	}
	if err != nil {
		return nil, &FileError{Path: path, Line: 1, Err: err}
	}
	p.Tally = NewTally(p.Header)
	for number := 2; ; number++ {
		raw, err := lines.next(maxRecord)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			p.size, p.Torn = lines.whole, lines.torn
			return p, nil
		case err == nil:
			err = p.add(raw)
		}
		if err != nil {
			return nil, &FileError{Path: path, Line: number, Err: err}
		}
	}
}

// add counts a line.
func (p *Predictions) add(raw []byte) error {
	var l line
	if err := json.Unmarshal(raw, &l); err != nil {
		return fmt.Errorf("not a record: %w", err)
	}
	if l.End != nil {
		p.Finished = true
		if l.End.Images != p.Tally.Done() {
			return fmt.Errorf("the end says %s, there are %d", text.Count(l.End.Images, "image", "images"), p.Tally.Done())
		}
		if d := p.Header.Data; d.Images >= 0 && l.End.Images != inShard(d.Images, d.Shard) {
			return fmt.Errorf("the end says %s, the part has %d", text.Count(l.End.Images, "image", "images"), inShard(d.Images, d.Shard))
		}
		return nil
	}
	if err := p.Header.checkRecord(l.Record); err != nil {
		return err
	}
	return p.Tally.Add(l.Record)
}

// Records yields the records that count, in the order of the file: of an image that could be read only later the last one. Every call reads the file again.
func (p *Predictions) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		file, err := openRegular(p.Path)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer file.Close()
		lines := &lineReader{from: bufio.NewReaderSize(io.LimitReader(file, p.size), 1<<16)}
		_, err = lines.next(maxHeader)
		failed := marks{} // of which a record was yielded
		for number := 2; err == nil; number++ {
			var raw []byte
			if raw, err = lines.next(maxRecord); err != nil {
				break
			}
			var l line
			if err = json.Unmarshal(raw, &l); err != nil {
				break
			}
			at := l.place()
			if l.End != nil || l.Error != "" && (p.Tally.done.has(at) || failed.has(at)) {
				continue
			}
			if l.Error != "" {
				failed.set(at)
			}
			if !yield(l.Record, nil) {
				return
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Record{}, &FileError{Path: p.Path, Err: err})
		}
	}
}

// Summary returns the figures of the file.
func (p *Predictions) Summary() *Summary { return summarise(p.Tally, p.Finished) }

// check returns an error if a header, which comes from a file, contradicts itself.
func (h *Header) check() error {
	if err := h.Model.Config.Validate(); err != nil {
		return fmt.Errorf("the header's model: %w", err)
	}
	classes := h.Model.Config.Classes
	inRange := func(class int) bool { return class >= 0 && class < classes }
	switch d := h.Data; {
	case !h.Model.Config.Classifies():
		return errors.New("the header's model does not classify")
	case h.Model.Labels != nil && len(h.Model.Labels) != classes:
		return fmt.Errorf("the header has %d class names for %d classes", len(h.Model.Labels), classes)
	case !d.Shard.Valid():
		return fmt.Errorf("the header says part %s", d.Shard)
	case d.Images < -1:
		return fmt.Errorf("the header says %d images", d.Images)
	case len(d.Names) != len(d.Logits):
		return fmt.Errorf("the header has %d names and %d logits", len(d.Names), len(d.Logits))
	case !all(d.Logits, inRange) || !all(d.Candidates, inRange):
		return fmt.Errorf("the header names a class that is not one of %d", classes)
	case !slices.IsSorted(d.Candidates):
		return errors.New("the header's candidates are not in ascending order")
	}
	return nil
}

// checkRecord returns an error if a record, which comes from a file, is not one of this header.
func (h *Header) checkRecord(r Record) error {
	classes := h.Model.Config.Classes
	inRange := func(class int) bool { return class >= 0 && class < classes }
	switch d := h.Data; {
	case r.Index < 0 || d.Images >= 0 && r.Index >= d.Images:
		return fmt.Errorf("there is no image %d", r.Index)
	case d.Images >= 0 && (r.Tar != "" || r.Index%d.Shard.Of != d.Shard.Index-1):
		return fmt.Errorf("image %d%s is not one of part %s", r.Index, inTar(r.Tar), d.Shard)
	case !inRange(r.Class) || !all(r.Real, inRange):
		return fmt.Errorf("a right class is not one of %d", classes)
	case r.Error != "" && (len(r.Top) > 0 || r.Rank != 0):
		return errors.New("an image that could not be read has an answer")
	case r.Error == "" && (len(r.Top) == 0 || len(r.Top) > shown || r.Rank < 0 || r.Rank > classes):
		return fmt.Errorf("%s and the rank %d", text.Count(len(r.Top), "answer", "answers"), r.Rank)
	case !all(r.Top, func(g Guess) bool { return inRange(g.Class) && g.Probability >= 0 && g.Probability <= 1 }):
		return errors.New("an answer is not a class with a probability")
	case !(r.Loss >= 0 && r.Loss < maxLoss):
		return fmt.Errorf("the loss is %g", r.Loss)
	}
	return nil
}

func all[T any](values []T, ok func(T) bool) bool {
	return !slices.ContainsFunc(values, func(v T) bool { return !ok(v) })
}

// lineReader reads lines that end with a line break.
type lineReader struct {
	from *bufio.Reader
	// whole is the number of bytes of the lines so far, and torn of what follows the last.
	whole, torn int64
}

// errTorn says that the last line does not end with a line break.
var errTorn = errdef.New(errdef.ErrInput, "the last line is not complete")

// next returns the next line of at most limit bytes, io.EOF after the last, and errTorn if that is not complete.
func (r *lineReader) next(limit int) ([]byte, error) {
	var kept []byte
	for {
		part, err := r.from.ReadSlice('\n')
		kept = append(kept, part...)
		switch {
		case len(kept) > limit:
			return nil, fmt.Errorf("it has more than %d bytes", limit)
		case err == nil:
			r.whole += int64(len(kept))
			return kept[:len(kept)-1], nil
		case errors.Is(err, io.EOF) && len(kept) > 0:
			r.torn = int64(len(kept))
			return nil, errTorn
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
