package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// ParametersError says how a set of weights differs from what its architecture needs. All lists are sorted.
type ParametersError struct {
	// Missing and Unexpected are parameter names.
	Missing, Unexpected []string
	// Repeated are names that occur more than once.
	Repeated []string
	// Ill has a sentence for each parameter of the wrong shape, or of a dtype that is not a float, or not I64 for a counter.
	Ill []string
}

func (e *ParametersError) Error() string {
	var parts []string
	for _, kind := range []struct {
		what  string
		names []string
	}{{"missing", e.Missing}, {"unexpected", e.Unexpected}, {"repeated", e.Repeated}, {"ill-shaped", e.Ill}} {
		if len(kind.names) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s (%s)", len(kind.names), kind.what, text.List(kind.names, 5, "")))
		}
	}
	return "the weights are not those of the architecture: " + strings.Join(parts, ", ")
}

// Is reports whether kind is errdef.ErrInput.
func (e *ParametersError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns the unexpected name that looks like the first missing one, if there is one.
func (e *ParametersError) Hint() string {
	if len(e.Missing) > 0 {
		if nearest := suggest.Nearest(e.Missing[0], e.Unexpected); nearest != "" {
			return fmt.Sprintf("the nearest name to %q is %q; check architecture and naming scheme", e.Missing[0], nearest)
		}
	}
	return "check the architecture"
}

// Parameters returns the tensors of weights in the order of config.Params(). It returns a *ParametersError with all problems if the weights do not fit,
// and an *arch.ConfigError for an impossible configuration. Engines call it at the start of Load.
func Parameters(config arch.Config, weights []tensor.Named) ([]tensor.View, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Depth > len(weights) {
		return nil, &ParametersError{Missing: []string{fmt.Sprintf("blocks.%d.norm1.weight", config.Depth-1)}}
	}
	problem := &ParametersError{}
	held := make(map[string]tensor.View, len(weights))
	for _, w := range weights {
		if _, twice := held[w.Name]; twice {
			problem.Repeated = append(problem.Repeated, text.Name(w.Name))
		}
		held[w.Name] = w.View
	}
	params := config.Params()
	views := make([]tensor.View, len(params))
	for i, p := range params {
		view, found := held[p.Name]
		switch {
		case !found:
			problem.Missing = append(problem.Missing, p.Name)
		case p.Counter && (view.DType != tensor.I64 || !view.Shape.Equal(p.Shape)):
			problem.Ill = append(problem.Ill, fmt.Sprintf("%s is %s %s, not %s %s", p.Name, view.DType, view.Shape, tensor.I64, p.Shape))
		case !p.Counter && (!view.DType.IsFloat() || !view.Shape.Equal(p.Shape)):
			problem.Ill = append(problem.Ill, fmt.Sprintf("%s is %s %s, not %s", p.Name, view.DType, view.Shape, p.Shape))
		}
		delete(held, p.Name)
		views[i] = view
	}
	for name := range held {
		problem.Unexpected = append(problem.Unexpected, text.Name(name))
	}
	return views, problem.orNil()
}

// orNil sorts the lists and returns e, or nil if they are all empty.
func (e *ParametersError) orNil() error {
	total := 0
	for _, names := range []*[]string{&e.Missing, &e.Unexpected, &e.Repeated, &e.Ill} {
		slices.Sort(*names)
		total += len(*names)
	}
	if total == 0 {
		return nil
	}
	return e
}
