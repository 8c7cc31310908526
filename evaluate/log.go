package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/internal/lines"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Log is a file of predictions that is being written: a line in one call of the system for each image, so that a process that is killed at any moment leaves
// whole lines and at most a part of the last. Opening the file again resumes the evaluation.
type Log struct {
	to       *lines.Appender
	tally    *Tally
	resumed  int
	finished bool
	// ledger has the images of the records that the file had when it was opened; nil for none.
	ledger *ledger
}

// OpenLog opens a file of predictions for an evaluation with this header, or makes it. If it holds records already, the evaluation goes on behind them: images
// that they are about are not read again, unless that failed. What follows the last whole line is cut off. The caller closes the log.
//
// If the records are those of something else, the error is a *[MismatchError], if another process is writing to the file, a *[disk.InUseError]; else a
// *[FileError], or one of [disk.OpenAppend].
func OpenLog(path string, header Header) (*Log, error) {
	l := &Log{tally: NewTally(header)}
	var err error
	l.to, err = lines.Resume(path, header, maxHeader, func(file io.Reader) (whole, torn int64, err error) {
		l.ledger = newLedger(path)
		found, err := readPredictions(path, file, l.ledger)
		if err != nil {
			return 0, 0, err
		}
		if differences := found.Header.differences(header, true); len(differences) > 0 {
			return 0, 0, &MismatchError{Path: path, Other: "this evaluation", Differences: differences}
		}
		l.tally, l.resumed, l.finished = found.Tally, found.Tally.Done(), found.Finished
		return found.size, found.Torn, nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Resumed returns the number of images that the file was about when it was opened.
func (l *Log) Resumed() int { return l.resumed }

// Finished reports whether all images have a record.
func (l *Log) Finished() bool { return l.finished }

// Unread returns the number of images that could not be read so far.
func (l *Log) Unread() int { return len(l.tally.unread) }

// add writes a record and counts it.
func (l *Log) add(r Record) error {
	if err := l.tally.Add(r); err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return l.to.Add(line)
}

// end writes that there are no more images.
func (l *Log) end() error {
	line, err := json.Marshal(struct {
		End ending `json:"end"`
	}{ending{l.tally.Done()}})
	if err != nil {
		return err
	}
	l.finished = true
	return errors.Join(l.to.Add(line), l.to.Sync())
}

// Close closes the file.
func (l *Log) Close() error { return l.to.Close() }

// Difference is a property in which two evaluations differ: what it is, and what it is in either.
type Difference struct {
	What       string
	Here, Else string
}

// MismatchError says that records are not about the same as others, or as an evaluation, so that they can't be added up.
type MismatchError struct {
	// Path is the file with the records, and Other what they are compared with: another file, or "this evaluation".
	Path, Other string
	Differences []Difference
}

func (e *MismatchError) Error() string {
	lines := []string{fmt.Sprintf("%s and %s are not about the same", e.Path, e.Other)}
	for _, d := range e.Differences {
		lines = append(lines, fmt.Sprintf("  %s: %s and %s", d.What, d.Here, d.Else))
	}
	return strings.Join(lines, "\n")
}

// Is reports that the wrong file was named.
func (e *MismatchError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *MismatchError) Hint() string {
	return "only predictions of the same weights, names of classes, recipe, engine, dtype, data and right classes add up: name another file, or remove this one to begin anew"
}

// differences returns in what two headers differ that the figures depend on. A shard is one of them only if it is asked for. Names, devices and versions are
// not: they do not change a figure by more than rounding does.
func (h *Header) differences(other Header, shards bool) []Difference {
	var found Differences
	compare := found.Compare
	compare("digest of the weights", h.Model.Digest, other.Model.Digest)
	compare("architecture", h.Model.Config.Named(), other.Model.Config.Named())
	compare("function of the logits", h.Model.Function, other.Model.Function)
	compare("problem type", string(h.Model.Problem), string(other.Model.Problem))
	compare("names of the classes", h.Model.Labels, other.Model.Labels)
	compare("recipe", h.Recipe.Recipe, other.Recipe.Recipe)
	compare("engine", h.Run.Engine, other.Run.Engine)
	compare("dtype", h.Run.DType, other.Run.DType)
	compare("digest of the data", h.Data.Digest, other.Data.Digest)
	compare("number of images", h.Data.Images, other.Data.Images)
	compare("digest of the file of right classes", h.Data.Truth, other.Data.Truth)
	compare("digest of the class map", h.Data.Map, other.Data.Map)
	compare("digest of the real labels", h.Data.Real, other.Data.Real)
	compare("what classes are matched by", string(h.Data.Way), string(other.Data.Way))
	compare("names of the data's classes", h.Data.Names, other.Data.Names)
	compare("classes of the data", h.Data.Logits, other.Data.Logits)
	compare("classes among which answers are sought", h.Data.Candidates, other.Data.Candidates)
	if shards {
		compare("part", h.Data.Shard, other.Data.Shard)
	}
	return found
}

// Differences are those of two evaluations.
type Differences []Difference

// Compare adds a property if it is not the same.
func (d *Differences) Compare(what string, here, there any) {
	if reflect.DeepEqual(here, there) {
		return
	}
	if a, names := here.([]string); names {
		here, there = fromDifference(a, there.([]string))
	}
	*d = append(*d, Difference{what, brief(here), brief(there)})
}

// fromDifference returns two lists of names from where they differ, or their lengths if one is the beginning of the other.
func fromDifference(here, there []string) (any, any) {
	for i := range min(len(here), len(there)) {
		if here[i] != there[i] {
			return fmt.Sprintf("%s as number %d of %d", text.Quote(here[i]), i, len(here)), fmt.Sprintf("%s of %d", text.Quote(there[i]), len(there))
		}
	}
	return text.Count(len(here), "name", "names"), text.Count(len(there), "name", "names")
}

// brief returns a value for a message.
func brief(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" {
			return "none"
		}
		return v
	case []int:
		if v == nil {
			return "all"
		}
		if len(v) > 3 {
			return fmt.Sprintf("%d %d %d ... (%d)", v[0], v[1], v[2], len(v))
		}
		return fmt.Sprint(v)
	case fmt.Stringer:
		return v.String()
	case int:
		return fmt.Sprint(v)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(raw)
}
