package segmentation

import (
	"encoding/json"
	"errors"
	"fmt"

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
	first, err := json.Marshal(header)
	if err == nil && len(first) > lineLimits.First {
		err = errdef.New(errdef.ErrInput, fmt.Sprintf("%s: the names of all classes take more than %d bytes", text.Name(path), lineLimits.First))
	}
	if err != nil {
		return nil, err
	}
	to, begun, err := lines.OpenAppender(path, first)
	if err != nil {
		return nil, err
	}
	log := &Log{to: to, path: path, tally: NewTally(header)}
	if begun {
		err = log.resume(&header)
	}
	if err != nil {
		to.Close()
		return nil, err
	}
	return log, nil
}

// resume reads what the file holds.
func (l *Log) resume(header *Header) error {
	file, err := l.to.FromStart()
	if err != nil {
		return err
	}
	found, err := readPredictions(l.path, file)
	if err != nil {
		return err
	}
	if differences := found.Header.differences(header, true); len(differences) > 0 {
		return &evaluate.MismatchError{Path: l.path, Other: "this evaluation", Differences: differences}
	}
	l.tally, l.resumed, l.finished = found.Tally, found.Tally.Done(), found.Finished
	if found.Torn > 0 {
		return l.to.Cut(found.size)
	}
	return nil
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
