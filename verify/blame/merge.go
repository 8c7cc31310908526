package blame

import (
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Merge returns findings with those as one that say the same of several stages: a program that computes GELU by its tanh approximation does so in all blocks.
// depth is the number of blocks of the model. The order is that of the first of each.
func Merge(findings []Finding, depth int) []Finding {
	var merged []Finding
	for _, f := range findings {
		f.Stages = []string{f.Stage}
		at := slices.IndexFunc(merged, func(m Finding) bool { return m.sameAs(f) })
		if at < 0 {
			merged = append(merged, f)
			continue
		}
		merged[at].add(f)
	}
	for i := range merged {
		merged[i].conclude(depth)
		if merged[i].ruled && depth > 1 && merged[i].everywhere(depth) {
			merged[i].Side = Either
		}
	}
	return merged
}

// everywhere reports whether the finding is about parameters of all blocks.
func (f Finding) everywhere(depth int) bool {
	for block := range depth {
		if !slices.ContainsFunc(f.Tensors, func(name string) bool { return strings.HasPrefix(name, prefix(block)) }) {
			return false
		}
	}
	return true
}

// sameAs reports whether two findings of different stages, or of both halves of a block and about no parameters, say the same.
func (f Finding) sameAs(other Finding) bool {
	if f.says == "" || f.Hypothesis != other.Hypothesis || f.says != other.says || f.Side != other.Side {
		return false
	}
	return !slices.Contains(f.Stages, other.Stage) || len(f.Tensors)+len(other.Tensors) == 0
}

// add adds what another finding says of its stage.
func (f *Finding) add(other Finding) {
	if !slices.Contains(f.Stages, other.Stage) {
		f.Stages = append(f.Stages, other.Stage)
	}
	f.others = max(f.others, other.others)
	f.Tensors = append(slices.Clone(f.Tensors), other.Tensors...)
	f.Rounded = append(slices.Clone(f.Rounded), other.Rounded...)
	slices.Sort(f.Tensors)
	f.Tensors = slices.Compact(f.Tensors) // blocks share a table
	f.Edits = slices.Clone(f.Edits)
	for _, e := range other.Edits {
		if !slices.ContainsFunc(f.Edits, func(own Edit) bool { return own.Tensor == e.Tensor }) {
			f.Edits = append(f.Edits, e)
		}
	}
	if share(other) > share(*f) {
		f.Distance, f.Without, f.Tolerance = other.Distance, other.Without, other.Tolerance
	}
	f.Where = Place{}
}

// share returns how much of its tolerance the finding takes, mended.
func share(f Finding) float64 {
	if f.Distance == 0 {
		return 0
	}
	if f.Tolerance == 0 {
		return math.Inf(1)
	}
	return f.Distance / f.Tolerance
}

// conclude writes the sentence of a finding that concerns several stages.
func (f *Finding) conclude(depth int) {
	if len(f.Stages) < 2 {
		return
	}
	blocks := 0
	for _, name := range f.Stages {
		if s, err := engine.ParseStage(name); err == nil && s.InBlock() {
			blocks++
		}
	}
	who := text.List(f.Stages, 6, "") + " agree"
	if blocks == depth {
		who, f.Stage = "the model agrees", WholeModel
	}
	f.Sentence = f.agrees(who)
}
