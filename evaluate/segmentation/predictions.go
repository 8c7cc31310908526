package segmentation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/internal/lines"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// lineLimits are how many bytes lines may have: files may be hostile. A header has the names of up to [arch.MaxClasses] classes, a record all pairs of 1,000 classes.
var lineLimits = lines.Limits{First: 64 << 20, Other: 32 << 20}

// Predictions is a file of predictions: a header, then a line for each picture. It is not open between calls.
type Predictions struct {
	Path   string
	Header Header
	// Finished reports that the evaluation reached the end of its pictures.
	Finished bool
	// Tally has all records.
	Tally *Tally
	// Torn is the number of bytes behind the last whole line, which a killed process left.
	Torn int64

	size int64 // of the whole lines
}

// opening is what a header begins with, so that nothing else is read as one, whatever its size.
const opening = `{"format":"` + Format + `"`

// errNotPredictions says that a file was written by something else.
var errNotPredictions = errdef.New(errdef.ErrInput, "not a file of predictions of a segmentation: its first line is not the header of one")

// IsPredictions reports whether a file begins as those of this task do. What cannot be read does not.
func IsPredictions(path string) bool {
	file, err := disk.OpenRegular(path)
	if err != nil {
		return false
	}
	defer file.Close()
	return lines.NewReader(file).Begins(opening)
}

// ReadPredictions reads and checks a whole file of predictions. The error is an *[evaluate.FileError], or one of the system.
func ReadPredictions(path string) (*Predictions, error) {
	file, err := disk.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readPredictions(path, file)
}

func readPredictions(path string, file io.Reader) (*Predictions, error) {
	from := lines.NewReader(file)
	p := &Predictions{Path: path}
	header := func(raw []byte) error {
		if raw == nil || json.Unmarshal(raw, &p.Header) != nil {
			return errNotPredictions
		}
		if err := p.Header.check(); err != nil {
			return err
		}
		p.Tally = NewTally(p.Header)
		return nil
	}
	if number, err := from.Scan(opening, lineLimits, header, p.add); err != nil {
		return nil, &evaluate.FileError{Path: path, Line: number, Err: err}
	}
	p.size, p.Torn = from.Whole, from.Torn
	return p, nil
}

// add counts a line.
func (p *Predictions) add(raw []byte) error {
	l, err := readLine(raw)
	if err != nil {
		return err
	}
	if l.End == nil {
		if err := p.Header.checkRecord(l.Record); err != nil {
			return err
		}
		return p.Tally.Add(l.Record)
	}
	p.Finished = true
	switch {
	case l.End.Images != p.Tally.Done() || l.End.Images != p.Header.inPart():
		return fmt.Errorf("the end says %s, there are %d, and the part has %d", text.Count(l.End.Images, "image", "images"), p.Tally.Done(), p.Header.inPart())
	case p.Header.Data.Shard.Of == 1 && !p.Tally.listed():
		return errOtherPictures
	}
	return nil
}

// Records yields the records of pictures that were evaluated, in the order of the file. Every call reads the file again. The error is that of [ReadPredictions].
func (p *Predictions) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		file, err := disk.OpenRegular(p.Path)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer file.Close()
		record := func(raw []byte) error {
			l, err := readLine(raw)
			if err == nil && l.End == nil && l.Error == "" && !yield(l.Record, nil) {
				return errStop
			}
			return err
		}
		number, err := lines.NewReader(io.LimitReader(file, p.size)).Scan(opening, lineLimits, func([]byte) error { return nil }, record)
		if err != nil && !errors.Is(err, errStop) {
			yield(Record{}, &evaluate.FileError{Path: p.Path, Line: number, Err: err})
		}
	}
}

// errStop ends the reading of records of which no more are asked for.
var errStop = errdef.New(errdef.ErrUsage, "no more records are asked for")

// Summary returns the figures of the file.
func (p *Predictions) Summary() *Summary { return p.Tally.Summary(p.Finished) }

// Merged are files of predictions that are all parts of a data set.
type Merged struct {
	// Header is that of the first part, but for Data.Shard, which is the whole.
	Header Header
	// Parts are in the order of their shards.
	Parts []*Predictions

	tally *Tally
}

// Merge reads the files of predictions of all parts of a data set, in any order, and adds them up: exactly, so that the figures are those of an evaluation of the
// whole. The errors are those of [evaluate.Merge].
func Merge(paths ...string) (*Merged, error) {
	parts, err := evaluate.GatherParts(paths, ReadPredictions,
		func(part, first *Predictions) []evaluate.Difference {
			return part.Header.differences(&first.Header, false)
		}, partFile)
	if err != nil {
		return nil, err
	}
	m := &Merged{Parts: parts, Header: parts[0].Header}
	m.Header.Data.Shard = evaluate.Shard{Index: 1, Of: 1}
	m.tally = NewTally(m.Header)
	for _, part := range m.Parts {
		if index, twice := m.tally.merge(part.Tally); twice {
			return nil, &evaluate.FileError{Path: part.Path, Err: &evaluate.TwiceError{Record: evaluate.Record{Index: index}}}
		}
	}
	if !m.tally.listed() {
		return nil, &evaluate.PartsError{Problems: []string{
			"the pictures of the records are not those of the data: their names have another digest than the headers say, so a part was changed, or is a copy of another",
		}}
	}
	return m, nil
}

// partFile says what is wrong with a file of predictions by itself.
func partFile(p *Predictions) evaluate.PartFile {
	file := evaluate.PartFile{Path: p.Path, Shard: p.Header.Data.Shard}
	if !p.Finished {
		file.Lacks = evaluate.Unfinished(file, fmt.Sprintf("%s of %d", text.Count(p.Tally.Done(), "image", "images"), p.Header.inPart()))
	}
	return file
}

// Summary returns the figures of all parts together.
func (m *Merged) Summary() *Summary { return m.tally.Summary(true) }
