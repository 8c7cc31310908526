package verify

import (
	"fmt"

	"github.com/beitzoo/beitzoo/tensor"
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
