package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// reason is why a model is not verified, in words.
type reason struct {
	// Title is "reason", or "reason 2" if there are several.
	Title string
	// Sentence says what is wrong.
	Sentence string
	// Finding is nil if nothing more is known than the sentence.
	Finding *blame.Finding
}

// reasonsOf returns the findings of a result. What its Blame says more than the first of them is a part of that, or else a reason of its own.
func reasonsOf(r *verify.Result) []reason {
	var all []reason
	for _, f := range r.Findings {
		all = append(all, reason{Sentence: f.Sentence, Finding: &f})
	}
	switch {
	case r.Blame == "":
	case len(all) > 0 && strings.HasPrefix(r.Blame, all[0].Sentence):
		all[0].Sentence = r.Blame
	case len(all) > 0 && said(r.Blame, all):
	default:
		all = append([]reason{{Sentence: r.Blame}}, all...)
	}
	for i := range all {
		all[i].Title = "reason"
		if len(all) > 1 {
			all[i].Title += " " + strconv.Itoa(i+1)
		}
	}
	return all
}

// said reports whether a sentence of the findings is all that a text says.
func said(what string, reasons []reason) bool {
	for _, r := range reasons {
		if r.Sentence == what {
			return true
		}
	}
	return false
}

// mostNamed is the number of tensors, indices or repairs that a line names.
const mostNamed = 6

// details returns lines about the finding of the reason.
func (r reason) details() []string {
	f := r.Finding
	if f == nil || f.Hypothesis == blame.Healthy {
		return nil
	}
	lines := []string{"at " + strings.Join(append([]string{stageText(f.Stage)}, whereTexts(f.Where)...), ", ") + sideText(f.Side)}
	if len(f.Tensors) > 0 {
		lines = append(lines, "tensors: "+text.List(f.Tensors, mostNamed, ""))
	}
	lines = append(lines, effectText(f))
	for i, edit := range f.Edits {
		if i == mostNamed {
			lines = append(lines, fmt.Sprintf("repair: %d more", len(f.Edits)-i))
			break
		}
		lines = append(lines, "repair: "+edit.Tensor+": "+edit.Says)
	}
	if f.Advice != "" {
		lines = append(lines, "advice: "+f.Advice)
	}
	return lines
}

// effectText says how far the stage is off, as it is and mended.
func effectText(f *blame.Finding) string {
	if f.Distance == f.Without {
		return fmt.Sprintf("off by %.2g, tolerance %.2g", f.Without, f.Tolerance)
	}
	return fmt.Sprintf("off by %.2g as it is, by %.2g without this; tolerance %.2g", f.Without, f.Distance, f.Tolerance)
}

// stageText returns the name of a stage in a sentence.
func stageText(stage string) string {
	if stage == blame.WholeModel {
		return "the whole model"
	}
	return stage
}

// sideText says whose fault a finding is, as the end of a line.
func sideText(side blame.Side) string {
	switch side {
	case blame.Checkpoint:
		return "; a fault of the checkpoint"
	case blame.Program:
		return "; a fault of the program that computed the reference"
	case blame.Either:
		return "; a fault of the checkpoint, or of the program that computed the reference: nothing tells which"
	case blame.Input:
		return "; the reference saw another input"
	case blame.Recording:
		return "; a fault of the recording"
	}
	return "; a fault of the checkpoint or of the program"
}

// whereTexts says in which part something is; nothing if it is everywhere.
func whereTexts(p blame.Place) []string {
	var all []string
	for _, part := range []struct {
		one, many string
		indices   []int
	}{
		{"image", "images", p.Images},
		{"token", "tokens", p.Tokens},
		{"head", "heads", p.Heads},
		{"channel", "channels", p.Channels},
		{"class", "classes", p.Classes},
	} {
		words := make([]string, len(part.indices))
		for i, index := range part.indices {
			words[i] = strconv.Itoa(index)
		}
		switch len(words) {
		case 0:
		case 1:
			all = append(all, part.one+" "+words[0])
		default:
			all = append(all, part.many+" "+text.List(words, mostNamed, ""))
		}
	}
	if p.Element != nil {
		all = append(all, fmt.Sprintf("element %v", p.Element))
	}
	return all
}
