package convert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// ClassBranch is the word that OpenOptions.Drop takes for the blocks, and the head, that only BEiT v2's pre-training of the class token uses, under whatever
// names a file has them.
const ClassBranch = adapt.StepClassBranch

// TrainingOfVQKD is the word for what only the training of VQ-KD uses: its decoder, which predicts features of a teacher, and the averages with which its codes
// are moved.
const TrainingOfVQKD = "vqkd-training"

// dropWords are words for parts of a model, whatever a file calls their tensors, and how one says that there is none.
var dropWords = map[string]string{
	ClassBranch:    "no branch for the class token",
	TrainingOfVQKD: "nothing that only the training of VQ-KD uses",
}

// DropWords lists the words that OpenOptions.Drop takes beside patterns, sorted.
func DropWords() []string { return slices.Sorted(maps.Keys(dropWords)) }

// Limits of OpenOptions.Drop: matching takes time.
const maxDrop, maxDropPattern = 100, 300

// DropError says that a pattern of OpenOptions.Drop stands for nothing in a file.
type DropError struct {
	// Path is the file, Pattern the pattern.
	Path, Pattern string
	// Nearest are tensors that may be meant, or nil.
	Nearest []string
	// Invalid says what is wrong with the pattern itself, or is empty.
	Invalid string
	// Needed are the tensors that the pattern leaves out although the model, as it is read, has to have them; nil if it leaves out none.
	Needed []string
}

func (e *DropError) Error() string {
	switch {
	case e.Invalid != "":
		return fmt.Sprintf("%s can't be left out: %s", text.Quote(e.Pattern), e.Invalid)
	case len(e.Needed) > 0:
		return fmt.Sprintf("%s: by %s were left out, as asked, tensors that the model has to have: %s", e.Path, text.Quote(e.Pattern), text.List(quotedNames(e.Needed), mostNeeded, ""))
	case dropWords[e.Pattern] != "":
		return fmt.Sprintf("%s: there is %s that could be left out", e.Path, dropWords[e.Pattern])
	}
	return fmt.Sprintf("%s: no tensor has a name like %s, which is to be left out", e.Path, text.Quote(e.Pattern))
}

// Is reports that the request does not fit the file.
func (e *DropError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names tensors that may be meant.
func (e *DropError) Hint() string {
	const form = "an asterisk stands for any characters, dots too"
	switch {
	case len(e.Needed) > 0:
		return "keep these, or leave out all of the part that needs them"
	case e.Invalid != "":
		return "give names as they are in the file; " + form
	case dropWords[e.Pattern] != "":
		return "leave that out"
	case len(e.Nearest) > 0:
		quoted := make([]string, len(e.Nearest))
		for i, name := range e.Nearest {
			quoted[i] = text.Quote(name)
		}
		return "did you mean " + text.Or(quoted) + "? " + strings.ToUpper(form[:1]) + form[1:]
	}
	return "look at the list of tensors; " + form
}

// mostNeeded is how many tensors a message names.
const mostNeeded = 4

func quotedNames(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = text.Quote(name)
	}
	return quoted
}

// neededDrop returns the error for the first pattern that left out what is missing now, or nil.
func neededDrop(path string, err error, dropped []naming.Dropped, patterns []string) error {
	mismatch := (*naming.MismatchError)(nil)
	if !errors.As(err, &mismatch) {
		return nil
	}
	var e *DropError
	for _, d := range dropped {
		needed := slices.ContainsFunc(mismatch.Missing, func(m naming.Missing) bool { return m.Name == d.Name })
		if needed && e == nil {
			e = &DropError{Path: path, Pattern: patternOf(d, patterns)}
		}
		if needed && dropReason(e.Pattern) == d.Reason {
			e.Needed = append(e.Needed, d.Name)
		}
	}
	if e == nil {
		return nil
	}
	return e
}

// patternOf returns that of some patterns by which a tensor was left out.
func patternOf(d naming.Dropped, patterns []string) string {
	return patterns[max(0, slices.IndexFunc(patterns, func(pattern string) bool { return dropReason(pattern) == d.Reason }))]
}

// dropsMaskToken reports whether a mask token was left out.
func dropsMaskToken(dropped []naming.Dropped) bool {
	return slices.ContainsFunc(dropped, func(d naming.Dropped) bool { return d.Name[strings.LastIndexByte(d.Name, '.')+1:] == "mask_token" })
}

// drop takes the tensors out that the patterns stand for. unused are the patterns that stand for none of them; words for parts are not looked at.
func drop(ctx context.Context, tensors []tensor.Named, patterns []string) (left []tensor.Named, dropped []naming.Dropped, unused []string, err error) {
	if len(patterns) > maxDrop {
		return nil, nil, nil, &DropError{Pattern: patterns[maxDrop], Invalid: fmt.Sprintf("at most %d patterns are taken", maxDrop)}
	}
	used := map[string]bool{}
	for word := range dropWords {
		used[word] = true
	}
	for _, pattern := range patterns {
		if pattern == "" || len(pattern) > maxDropPattern || strings.Trim(pattern, "*") == "" {
			return nil, nil, nil, &DropError{Pattern: pattern, Invalid: fmt.Sprintf("a pattern has 1 to %d bytes, not all of them asterisks", maxDropPattern)}
		}
	}
	if err := naming.CheckMatching(patterns, tensors); err != nil {
		return nil, nil, nil, err
	}
	for i, t := range tensors {
		if i&0xff == 0 && ctx.Err() != nil {
			return nil, nil, nil, context.Cause(ctx)
		}
		by := ""
		for _, pattern := range patterns {
			if dropWords[pattern] == "" && naming.MatchesGlob(pattern, t.Name) {
				by, used[pattern] = pattern, true
			}
		}
		if by == "" {
			left = append(left, t)
			continue
		}
		size, _ := t.Size()
		dropped = append(dropped, naming.Dropped{Name: t.Name, Bytes: size, Reason: dropReason(by)})
	}
	for _, pattern := range patterns {
		if !used[pattern] {
			unused = append(unused, pattern)
		}
	}
	return left, dropped, unused, nil
}

// dropReason says why a tensor was left out.
func dropReason(pattern string) string { return "asked for, by " + text.Quote(pattern) }

// unusedDrop returns the error for a pattern that stands for nothing.
func unusedDrop(path, pattern string, tensors []tensor.Named) error {
	e := &DropError{Path: path, Pattern: pattern}
	names := map[string]bool{}
	for _, t := range tensors {
		if len(t.Name) <= maxDropPattern && len(names) < 2000 {
			names[t.Name] = true
		}
	}
	var candidates []string
	for name := range names {
		candidates = append(candidates, name)
	}
	slices.Sort(candidates)
	plain := strings.Trim(pattern, "*.")
	for range 3 {
		nearest := suggest.Nearest(plain, candidates)
		if nearest == "" {
			break
		}
		e.Nearest = append(e.Nearest, nearest)
		candidates = slices.DeleteFunc(candidates, func(name string) bool { return name == nearest })
	}
	return e
}

// dropPart leaves out the parameters of the part that a word stands for, and reports whether there are any.
func (m *Model) dropPart(word string) bool {
	without := m.Config
	switch word {
	case ClassBranch:
		without.ClassBlocks, without.ClassHead = 0, false
	case TrainingOfVQKD:
		without.Codebook.Decoder, without.Codebook.Statistics = arch.CodeDecoder{}, false
	}
	if without == m.Config {
		return false
	}
	m.Config = without.Named()
	wanted := map[string]bool{}
	for _, p := range m.Config.Params() {
		wanted[p.Name] = true
	}
	var tensors []tensor.Named
	var changes []naming.Change
	var dropped []naming.Dropped
	for i, t := range m.Tensors {
		if wanted[t.Name] {
			tensors, changes = append(tensors, t), append(changes, m.Changes[i])
			continue
		}
		size, _ := t.Size()
		for _, from := range m.Changes[i].From {
			dropped = append(dropped, naming.Dropped{Name: from, Bytes: size / int64(len(m.Changes[i].From)), Reason: dropReason(word)})
		}
	}
	m.Tensors, m.Changes = tensors, changes
	m.leaveOut(dropped)
	return true
}

// leaveOut says that tensors were left out as it was asked for.
func (m *Model) leaveOut(dropped []naming.Dropped) {
	m.Dropped = append(m.Dropped, dropped...)
	m.leftOut = append(m.leftOut, dropped...)
	count := map[string]int{}
	var reasons []string
	for _, d := range dropped {
		if count[d.Reason] == 0 {
			reasons = append(reasons, d.Reason)
		}
		count[d.Reason]++
	}
	for _, reason := range reasons {
		m.Notes = append(m.Notes, fmt.Sprintf("left out %s: %s", text.Count(count[reason], "tensor", "tensors"), reason))
	}
}

// dropSteps are the steps by which tensors were left out as it was asked for, and a trained mask token because the model has no use for it.
func (m *Model) dropSteps() []adapt.Step {
	var steps []adapt.Step
	if m.MaskToken != "" {
		steps = append(steps, adapt.Step{
			Name: adapt.StepMaskToken, What: "the mask token of the file was left out, since the model masks nothing", Lossy: true, Tensors: []string{m.MaskToken},
		})
	}
	for _, d := range m.leftOut {
		name, what := adapt.StepDrop, "tensors of the file were left out: "+d.Reason
		if d.Reason == dropReason(ClassBranch) {
			name, what = adapt.StepClassBranch, "the branch for the class token was left out: "+d.Reason
		} else if d.Reason == dropReason(TrainingOfVQKD) {
			what = "what only the training of VQ-KD uses was left out: " + d.Reason
		}
		at := slices.IndexFunc(steps, func(s adapt.Step) bool { return s.What == what })
		if at < 0 {
			at = len(steps)
			steps = append(steps, adapt.Step{Name: name, What: what, Lossy: true})
		}
		steps[at].Tensors = append(steps[at].Tensors, d.Name)
	}
	return steps
}
