package convert

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// LostValuesError says that a cast would make values infinite, zero or NaN, so that the output can't be proved to hold the model.
type LostValuesError struct {
	DType tensor.DType
	// Parameters are those with such values.
	Parameters []Parameter
}

func (e *LostValuesError) Error() string {
	return fmt.Sprintf("cast to %s: %s", e.DType, strings.Join(lostSentences(e.Parameters, e.DType), "; "))
}

// Is reports that the model, which comes from a file, does not fit the dtype.
func (e *LostValuesError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *LostValuesError) Hint() string {
	if e.DType == tensor.F16 {
		return "cast to bf16, whose range is that of f32, or allow it if such values do not matter"
	}
	return "cast to a wider dtype, or allow it if such values do not matter"
}

// cast rounds the parameters to dtype, and says what that loses. It returns the step that it is; none if all parameters are of that dtype.
func (r *Report) cast(ctx context.Context, tensors []tensor.Named, dtype tensor.DType) ([]tensor.Named, []adapt.Step, error) {
	if dtype == tensor.Invalid {
		return tensors, nil, nil
	}
	cast := make([]tensor.Named, len(tensors))
	step := adapt.Step{Name: adapt.StepCast}
	count := map[tensor.DType]int{}
	counters := r.counters()
	for i, t := range tensors {
		if counters[i] { // whole numbers, which no dtype is meant for
			cast[i] = t
			continue
		}
		view, err := transform.Cast(t.View, dtype)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		cast[i] = tensor.Named{Name: t.Name, View: view}
		if t.DType != dtype {
			r.Parameters[i].Cast = dtype.String()
			step.Tensors = append(step.Tensors, t.Name)
			count[t.DType]++
		}
	}
	if len(step.Tensors) == 0 {
		return cast, nil, nil
	}
	var parts []string
	for _, from := range []tensor.DType{tensor.F64, tensor.F32, tensor.BF16, tensor.F16} {
		if count[from] == 0 {
			continue
		}
		how := "rounded"
		if transform.Widens(from, dtype) {
			how = "widened"
		} else {
			step.Lossy = true
		}
		parts = append(parts, fmt.Sprintf("%s %s from %s to %s", text.Count(count[from], "parameter was", "parameters were"), how, from, dtype))
	}
	step.What = strings.Join(parts, ", ")
	r.addSteps([]adapt.Step{step})
	if err := r.countLosses(ctx, tensors, dtype); err != nil {
		return nil, nil, err
	}
	// The report has a line of its own for these; what is recorded in the file is the step alone.
	step.What = strings.Join(append(parts, lostSentences(r.Parameters, dtype)...), ", ")
	r.Steps[len(r.Steps)-1].What = step.What
	return cast, []adapt.Step{step}, nil
}

// counters says for each parameter whether it is the counter of a batch norm.
func (r *Report) counters() []bool {
	params := r.Architecture.Params()
	counters := make([]bool, len(params))
	for i, p := range params {
		counters[i] = p.Counter
	}
	return counters
}

// countLosses counts the values of each parameter that the cast makes infinite, zero or NaN.
func (r *Report) countLosses(ctx context.Context, tensors []tensor.Named, dtype tensor.DType) error {
	counters := r.counters()
	err := parallel.Each(ctx, len(tensors), guarded(func(ctx context.Context, i int) error {
		if counters[i] {
			return nil
		}
		losses, err := transform.CountLosses(ctx, tensors[i].View, dtype)
		if err != nil {
			return fmt.Errorf("%s: %w", tensors[i].Name, err)
		}
		if losses != (transform.Losses{}) {
			r.Parameters[i].Lost = &losses
		}
		return nil
	}))
	if err != nil {
		return err
	}
	r.Lossy = append(r.Lossy, lostSentences(r.Parameters, dtype)...)
	r.Lossy = append(r.Lossy, faintSentence(r.Parameters, dtype)...)
	return nil
}

// lost returns the parameters some of whose values the cast makes infinite, zero or NaN.
func (r *Report) lost() []Parameter {
	return slices.DeleteFunc(slices.Clone(r.Parameters), func(p Parameter) bool { return p.Lost == nil || p.Lost.Lost() == 0 })
}

// mostLost is how many parameters a sentence names.
const mostLost = 3

// lostSentences say how many values become infinite, NaN or zero, and in which parameters most.
func lostSentences(parameters []Parameter, dtype tensor.DType) []string {
	var sentences []string
	for _, kind := range []struct {
		becomes string
		count   func(*transform.Losses) int64
	}{
		{"infinite", func(l *transform.Losses) int64 { return l.Infinite }},
		{"NaN", func(l *transform.Losses) int64 { return l.NaN }},
		{"zero", func(l *transform.Losses) int64 { return l.Zero }},
	} {
		type loser struct {
			name  string
			count int64
		}
		var losers []loser
		var total int64
		for _, p := range parameters {
			if p.Lost != nil && kind.count(p.Lost) > 0 {
				losers = append(losers, loser{p.Name, kind.count(p.Lost)})
				total += kind.count(p.Lost)
			}
		}
		if total == 0 {
			continue
		}
		slices.SortStableFunc(losers, func(a, b loser) int { return cmp.Compare(b.count, a.count) })
		names := make([]string, len(losers))
		for i, l := range losers {
			names[i] = fmt.Sprintf("%s (%d)", l.name, l.count)
		}
		sentences = append(sentences, fmt.Sprintf("%s %s in %s: %s",
			text.Count(int(total), "value becomes", "values become"), kind.becomes, dtype, text.List(names, mostLost, "")))
	}
	return sentences
}

// faintSentence says that some parameters have values that the dtype holds with fewer digits: the layer scale of large models begins at 1e-5. Matrices have many
// such values beside large ones, which do no harm there.
func faintSentence(parameters []Parameter, dtype tensor.DType) []string {
	var faint []string
	for _, p := range parameters {
		if p.Lost != nil && p.Lost.Faint > 0 && (len(p.Shape) == 1 || strings.HasSuffix(p.Name, "table")) {
			faint = append(faint, p.Name)
		}
	}
	if len(faint) == 0 {
		return nil
	}
	sentence := fmt.Sprintf("%s holds the smallest values with fewer digits: %s some, such as %s", dtype, text.Count(len(faint), "parameter has", "parameters have"), faint[0])
	if dtype == tensor.F16 {
		sentence += "; bf16 holds them as well as others"
	}
	return []string{sentence}
}
