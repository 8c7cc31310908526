package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/internal/text"
)

// line is any line but the first. Index and Class tell 0 from a field that is not there.
type line struct {
	Record
	Index *int    `json:"index"`
	Class *int    `json:"class"`
	End   *ending `json:"end,omitempty"`
}

// ending is the last line of an evaluation that reached the end of its images.
type ending struct {
	Images int `json:"images"`
}

// recordFields are those of a line.
var recordFields = text.Fields[line]()

// readLine reads a line that is not the first.
func readLine(raw []byte) (line, error) {
	var l line
	err := json.Unmarshal(raw, &l)
	if err == nil {
		err = text.CheckFields(raw, recordFields...)
	}
	switch {
	case err != nil:
		return l, fmt.Errorf("not a record: %w", err)
	case l.End != nil:
	case l.Index == nil || l.Class == nil:
		return l, errors.New("not a record: it has no index, or no class")
	default:
		l.Record.Index, l.Record.Class = *l.Index, *l.Class
	}
	return l, nil
}

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

// checkRecord returns an error if a record, which comes from a file, is not one of this header, or contradicts itself.
func (h *Header) checkRecord(r Record) error {
	classes := h.Model.Config.Classes
	inRange := func(class int) bool { return class >= 0 && class < classes }
	switch d := h.Data; {
	case r.Index < 0 || d.Images >= 0 && r.Index >= d.Images:
		return fmt.Errorf("there is no image %d", r.Index)
	case d.Images >= 0 && (r.Tar != "" || r.Index%d.Shard.Of != d.Shard.Index-1):
		return fmt.Errorf("image %d%s is not one of part %s", r.Index, inTar(r.Tar), d.Shard)
	case d.Images < 0 && r.Tar == "":
		return fmt.Errorf("image %d is in no tar file", r.Index)
	case !inRange(r.Class) || !all(r.Real, inRange):
		return fmt.Errorf("a right class is not one of %d", classes)
	case d.Images >= 0 && !slices.Contains(d.Logits, r.Class):
		return fmt.Errorf("the right class %d is none of the data", r.Class)
	case r.Unturned < 0 || r.Unturned > mostOrientation:
		return fmt.Errorf("the orientation is %d", r.Unturned)
	case r.Error != "" && (len(r.Top) > 0 || r.Rank != 0 || r.Loss != 0 || r.Unturned != 0):
		return errors.New("an image that could not be read has an answer")
	case r.Error != "":
		return nil
	}
	return h.checkAnswer(r)
}

// mostOrientation is the largest number of an orientation in EXIF.
const mostOrientation = 8

// slack is the relative error that is allowed between numbers that are computed from the same logits. That of float64 is far smaller.
const slack = 1e-9

// checkAnswer returns an error if an answer contradicts itself: what follows from the same logits has to agree.
func (h *Header) checkAnswer(r Record) error {
	classes, candidates := h.Model.Config.Classes, h.Data.Candidates
	sought := func(class int) bool { return class >= 0 && class < classes }
	if candidates != nil {
		classes = len(candidates)
		sought = func(class int) bool { _, there := slices.BinarySearch(candidates, class); return there }
	}
	sum, last, seen := 0.0, 1.0, map[int]bool{}
	for _, g := range r.Top {
		switch {
		case !sought(g.Class) || !(g.Probability >= 0 && g.Probability <= 1):
			return errors.New("an answer is not a class with a probability")
		case seen[g.Class]:
			return fmt.Errorf("the answers name class %d twice", g.Class)
		case g.Probability > last*(1+slack):
			return errors.New("the answers are not in the order of their probabilities")
		}
		seen[g.Class], last = true, g.Probability
		sum += g.Probability
	}
	at := slices.IndexFunc(r.Top, func(g Guess) bool { return g.Class == r.Class })
	switch {
	case len(r.Top) != min(shown, classes) || r.Rank < 0 || r.Rank > classes:
		return fmt.Errorf("%s and the rank %d", text.Count(len(r.Top), "answer", "answers"), r.Rank)
	case sought(r.Class) != (r.Rank > 0) || at >= 0 && r.Rank != at+1 || at < 0 && r.Rank > 0 && r.Rank <= len(r.Top):
		return fmt.Errorf("the rank %d is not that of class %d among the answers", r.Rank, r.Class)
	case !(r.Loss >= 0 && r.Loss < maxLoss) || r.Rank == 0 && r.Loss != 0:
		return fmt.Errorf("the loss is %g", r.Loss)
	case h.Model.Function != classify.SoftmaxFunction || r.Rank == 0:
		return nil
	}
	// The loss says the probability of the right class, which the answers say, too, or leave at most so much for.
	own, tiny := math.Exp(-r.Loss), 1e-300
	switch {
	case sum > 1+slack:
		return fmt.Errorf("the probabilities of the answers add up to %g", sum)
	case at >= 0 && math.Abs(own-r.Top[at].Probability) > slack*own+tiny,
		at < 0 && (own > last*(1+slack) || own*float64(r.Rank-len(r.Top)) > 1-sum+slack):
		return fmt.Errorf("the loss %g is not that of the right class by the probabilities", r.Loss)
	}
	return nil
}

func all[T any](values []T, ok func(T) bool) bool {
	return !slices.ContainsFunc(values, func(v T) bool { return !ok(v) })
}
