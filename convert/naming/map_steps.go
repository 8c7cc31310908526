package naming

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// mapSteps are the operations of rows. Of the arguments, words are letters and the rest are numbers.
var mapSteps = map[string]struct {
	usage string
	// takes and makes are numbers of tensors; takes is -1 for all that there are.
	takes, makes int
	layout       bool
	operation    func(arguments []string, inputs int) (transform.Operation, bool)
}{
	"keep":      {"keep", 1, 1, true, plainStep(func() transform.Operation { return transform.Keep(1) })},
	"transpose": {"transpose", 1, 1, true, plainStep(transform.TransposeMatrix)},
	"join": {"join", -1, 1, false, func(a []string, n int) (transform.Operation, bool) {
		return transform.JoinRows(n), len(a) == 0 && n > 1
	}},
	"drop key bias": {"drop key bias", 1, 2, false, plainStep(transform.DropKeyBias)},
	"drop zeros":    {"drop zeros", 1, 0, false, plainStep(transform.DropZero)},
	"add axes":      {"add axes N", 1, 1, false, numberStep(3, transform.AddAxes)},
	"remove axes":   {"remove axes N", 1, 1, false, numberStep(3, transform.RemoveAxes)},
	"merge first":   {"merge first N", 1, 1, false, numberStep(maxMapNumber, transform.MergeFirst)},
	"merge last":    {"merge last N", 1, 1, false, numberStep(maxMapNumber, transform.MergeLast)},
	"turn kernel":   {"turn kernel", 1, 1, false, plainStep(transform.ReverseKernel)},
	"patches chw":   {"patches chw CHANNELS", 1, 1, false, numberStep(64, func(n int) transform.Operation { return transform.FoldPatches(transform.ChannelsFirst, n) })},
	"patches hwc":   {"patches hwc CHANNELS", 1, 1, false, numberStep(64, func(n int) transform.Operation { return transform.FoldPatches(transform.ChannelsLast, n) })},
	headsStep: {"heads ORDER N", 1, 1, false, func(a []string, _ int) (transform.Operation, bool) {
		if len(a) != 2 || !transform.IsHeadOrder(a[0]) {
			return transform.Operation{}, false
		}
		return numberStep(maxMapNumber, func(n int) transform.Operation { return transform.OrderHeads(a[0], n) })(a[1:], 1)
	}},
}

func plainStep(operation func() transform.Operation) func([]string, int) (transform.Operation, bool) {
	return func(a []string, _ int) (transform.Operation, bool) { return operation(), len(a) == 0 }
}

func numberStep(largest int, operation func(int) transform.Operation) func([]string, int) (transform.Operation, bool) {
	return func(a []string, _ int) (transform.Operation, bool) {
		if len(a) != 1 {
			return transform.Operation{}, false
		}
		n, err := strconv.Atoi(a[0])
		if err != nil || n < 1 || n > largest {
			return transform.Operation{}, false
		}
		return operation(n), true
	}
}

// MapOperations returns how the operations of rows are written, sorted.
func MapOperations() []string {
	var all []string
	for _, step := range mapSteps {
		all = append(all, step.usage)
	}
	slices.Sort(all)
	return all
}

// steps makes the operation of a row, and reports whether it can be made.
func (m *mapParser) steps(r *row, key string, steps []string) bool {
	count := len(r.foreign)
	operation := transform.Keep(count)
	for _, written := range steps {
		name, arguments := stepName(written)
		step, known := mapSteps[name]
		if !known {
			m.problems = append(m.problems, MapProblem{r.line, text.Shorten(key, 120), "there is no operation " + text.Quote(written), suggest.Nearest(written, MapOperations())})
			return false
		}
		one, ok := step.operation(arguments, count)
		if !ok {
			m.problem(r.line, key, "%s is not of the form: %s", text.Quote(written), step.usage)
			return false
		}
		switch {
		case step.takes < 0:
			count = step.makes
		case step.makes == 1:
			one = each(count, one)
		case count != 1:
			m.problem(r.line, key, "%s takes one tensor, and here are %d: join them first", written, count)
			return false
		default:
			count = step.makes
		}
		if name == headsStep && !m.setHeads(r, key, arguments[1]) {
			return false
		}
		r.laidOut = r.laidOut || step.layout
		operation = transform.Then(operation, one)
		r.by = append(r.by, written)
	}
	if count != len(r.canonical) {
		m.problem(r.line, key, "it makes %s of %s, and the row names %s%s", text.Count(count, "tensor", "tensors"), text.Count(len(r.foreign), "tensor", "tensors"),
			text.Count(len(r.canonical), "parameter", "parameters"), arityAdvice(len(r.foreign), len(r.canonical)))
		return false
	}
	r.operation = operation
	if len(r.canonical) == 0 {
		r.readOnly = true
	}
	return true
}

// headsStep is the operation that states a number of attention heads.
const headsStep = "heads"

// setHeads notes how many heads a row states, and reports whether all rows agree: a model has one number of heads.
func (m *mapParser) setHeads(r *row, key, written string) bool {
	heads, _ := strconv.Atoi(written)
	if s := m.scheme; s.heads == 0 {
		s.heads, s.headsLine = heads, r.line
	} else if s.heads != heads {
		m.problem(r.line, key, "it states %d heads, and line %d states %d: a model has one number of heads", heads, s.headsLine, s.heads)
		return false
	}
	return true
}

// arityAdvice says which operation is missing.
func arityAdvice(foreign, canonical int) string {
	switch {
	case canonical == 0:
		return "; add by: drop zeros, or why: REASON"
	case foreign > 1 && canonical == 1:
		return "; add by: join"
	case canonical == 2:
		return "; add by: drop key bias"
	}
	return ""
}

// stepName splits "heads hqd 12" into the name of an operation and its arguments.
func stepName(written string) (name string, arguments []string) {
	words := strings.Fields(written)
	for n := min(3, len(words)); n > 0; n-- {
		name = strings.Join(words[:n], " ")
		if _, known := mapSteps[name]; known {
			return name, words[n:]
		}
	}
	return written, nil
}
