package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/tensor/relation"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// difference is a parameter that differs between two checkpoints.
type difference struct {
	name string
	drift.Distance
}

// differing returns the parameters that differ between subject and reference, among those that are asked for. Those that only one of them has, or that have
// another shape, are left out, since then the stages do not compare.
func (v *verification) differing(asked func(name string) bool) ([]difference, error) {
	others := make(map[string]tensor.View, len(v.reference.weights))
	for _, w := range v.reference.weights {
		others[w.Name] = w.View
	}
	var all []difference
	for _, w := range v.subject.Weights {
		other, found := others[w.Name]
		if !asked(w.Name) || !found || !other.Shape.Equal(w.Shape) {
			continue
		}
		distance, err := apart(w.View, other)
		if err != nil {
			return nil, fmt.Errorf("comparing %s: %w", w.Name, err)
		}
		if distance.MaxAbs > 0 {
			all = append(all, difference{w.Name, distance})
		}
	}
	return all, nil
}

// differences returns findings about the parameters that differ at a tap, one for all that follow from the other checkpoint's in the same way.
func (v *verification) differences(t Tap, all []difference) ([]blame.Finding, error) {
	var ways []string
	groups := make(map[string][]difference)
	for _, d := range all {
		way, err := v.related(d.name)
		if err != nil {
			return nil, fmt.Errorf("comparing %s: %w", d.name, err)
		}
		if groups[way] == nil {
			ways = append(ways, way)
		}
		groups[way] = append(groups[way], d)
	}
	var found []blame.Finding
	for _, way := range ways {
		group, each := groups[way], "it "
		if len(group) > 1 {
			each = "each of them "
		}
		f := blame.Finding{
			Stage: t.Name, Hypothesis: checkpointsDiffer, Side: blame.Checkpoint, Distance: t.MaxAbs, Without: t.MaxAbs, Tolerance: t.Tolerance,
			Sentence: "the checkpoints differ in " + text.List(spelledDifferences(group), 4, "") + ": " + each + way,
		}
		for _, d := range group {
			f.Tensors = append(f.Tensors, d.name)
		}
		slices.Sort(f.Tensors)
		found = append(found, f)
	}
	return found, nil
}

// related returns how a parameter of the subject follows from that of the reference, as what is said of it: "is the other's rounded to F16".
func (v *verification) related(name string) (string, error) {
	named := func(all []tensor.Named) (relation.Tensor, error) {
		at := slices.IndexFunc(all, func(w tensor.Named) bool { return w.Name == name })
		return relation.Read(all[at].View)
	}
	other, err := named(v.reference.weights)
	if err != nil {
		return "", err
	}
	own, err := named(v.subject.Weights)
	if err != nil {
		return "", err
	}
	found := relation.Between(other, own, relation.Options{Axes: v.subject.Config.Axes(name)})
	if found == nil || found.Is(relation.Close) {
		source, err := v.elsewhere(own)
		if err != nil || source != "" {
			return "is the other's " + source, err
		}
	}
	switch {
	case found == nil:
		return "has other values, which do not follow from the other's: those before training, of another training, or of another model", nil
	case found.Reverse:
		return "has what the other's lost: " + found.Sentence("the other's", "this one"), nil
	}
	return strings.TrimPrefix(found.Sentence("the other's", "it"), "it "), nil
}

// elsewhere returns the name of the parameter of the reference that has these values, or nothing.
func (v *verification) elsewhere(own relation.Tensor) (string, error) {
	for _, w := range v.reference.weights {
		if !w.Shape.Equal(own.Shape) {
			continue
		}
		values, err := tensor.Float64s(w.View)
		if err != nil {
			return "", fmt.Errorf("%s: %w", w.Name, err)
		}
		if slices.Equal(values, own.Values) {
			return w.Name, nil
		}
	}
	return "", nil
}

// spelledDifferences returns "NAME (by up to 0.25)" for each difference.
func spelledDifferences(all []difference) (words []string) {
	for _, d := range all {
		words = append(words, fmt.Sprintf("%s (by up to %.3g)", d.name, d.MaxAbs))
	}
	return words
}

// apart returns the distance of two tensors of the same shape.
func apart(a, b tensor.View) (drift.Distance, error) {
	x, err := tensor.Float64s(a)
	if err != nil {
		return drift.Distance{}, err
	}
	y, err := tensor.Float64s(b)
	if err != nil {
		return drift.Distance{}, err
	}
	return drift.Compare(x, y), nil
}
