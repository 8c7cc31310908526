package segmentation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/internal/lines"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Log is a file of predictions that is being written: a line in one call of the system for each picture, so that a process that is killed at any moment leaves
// whole lines and at most a part of the last. Opening the file again resumes the evaluation.
type Log struct {
	to       *lines.Appender
	path     string
	tally    *Tally
	resumed  int
	finished bool
}

// OpenLog opens a file of predictions for an evaluation with this header, or makes it. If it holds records already, the evaluation goes on behind them: pictures that
// they are about are not computed again, unless that failed. What follows the last whole line is cut off. The caller closes the log. The errors are those of
// [evaluate.OpenLog].
func OpenLog(path string, header Header) (*Log, error) {
	l := &Log{path: path, tally: NewTally(header)}
	var err error
	l.to, err = lines.Resume(path, header, lineLimits.First, func(file io.Reader) (whole, torn int64, err error) {
		found, err := readPredictions(path, file)
		if err != nil {
			return 0, 0, err
		}
		if differences := found.Header.differences(&header, true); len(differences) > 0 {
			return 0, 0, &evaluate.MismatchError{Path: path, Other: "this evaluation", Differences: differences}
		}
		l.tally, l.resumed, l.finished = found.Tally, found.Tally.Done(), found.Finished
		return found.size, found.Torn, nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Resumed returns the number of pictures that the file was about when it was opened.
func (l *Log) Resumed() int { return l.resumed }

// Finished reports whether all pictures have a record.
func (l *Log) Finished() bool { return l.finished }

// Unread returns the number of pictures that could not be read so far.
func (l *Log) Unread() int { return len(l.tally.unread) }

// add writes a record and counts it.
func (l *Log) add(r Record) error {
	line, err := json.Marshal(r)
	if err == nil && len(line) > lineLimits.Other {
		err = errdef.New(errdef.ErrInput, fmt.Sprintf("%s: the pairs of classes of %s take more than %d bytes", text.Name(l.path), text.Name(r.Image), lineLimits.Other))
	}
	if err == nil {
		err = l.tally.Add(r)
	}
	if err != nil {
		return err
	}
	return l.to.Add(line)
}

// end writes that there are no more pictures.
func (l *Log) end() error {
	line, err := json.Marshal(map[string]ending{"end": {l.tally.Done()}})
	if err != nil {
		return err
	}
	l.finished = true
	return errors.Join(l.to.Add(line), l.to.Sync())
}

// Close closes the file.
func (l *Log) Close() error { return l.to.Close() }
