package relation

import (
	"encoding/json"

	"github.com/beitzoo/beitzoo/internal/jsonfloat"
	"github.com/beitzoo/beitzoo/tensor"
)

// mostListed is how many entries of a list are in JSON.
const mostListed = 16

// stepJSON is a step as JSON: the fields that its kind has.
type stepJSON struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty"`
	Axes []int  `json:"axes,omitempty"`
	// Permutation, Indices and Factors are the first entries of lists that are Slices long.
	Permutation []int              `json:"permutation,omitempty"`
	Indices     []int              `json:"indices,omitempty"`
	Factors     []jsonfloat.Number `json:"factors,omitempty"`
	Slices      int                `json:"slices,omitempty"`
	Shape       tensor.Shape       `json:"shape,omitempty"`
	Factor      *jsonfloat.Number  `json:"factor,omitempty"`
	Offset      *jsonfloat.Number  `json:"offset,omitempty"`
	Value       *jsonfloat.Number  `json:"value,omitempty"`
	A           *jsonfloat.Number  `json:"a,omitempty"`
	B           *jsonfloat.Number  `json:"b,omitempty"`
	Relative    *jsonfloat.Number  `json:"relative,omitempty"`
	DType       string             `json:"dtype,omitempty"`
	At          []int              `json:"at,omitempty"`
	Within      *Relation          `json:"within,omitempty"`
}

// MarshalJSON returns the sentence about A and B, and the fields of each step. Of long lists it has the first 16 entries.
func (r *Relation) MarshalJSON() ([]byte, error) {
	steps := make([]stepJSON, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = s.fields()
	}
	return json.Marshal(struct {
		Sentence string           `json:"sentence"`
		Reverse  bool             `json:"reverse,omitempty"`
		Kept     bool             `json:"keeps_information"`
		Distance jsonfloat.Number `json:"distance"`
		Steps    []stepJSON       `json:"steps"`
	}{r.String(), r.Reverse, r.KeepsInformation(), jsonfloat.Number(r.Distance), steps})
}

func (s Step) fields() stepJSON {
	f := stepJSON{Kind: s.Kind, Name: s.Name, Axes: s.Axes, At: s.At, Shape: s.Shape, Within: s.Within}
	f.Permutation, f.Indices = s.Permutation[:min(mostListed, len(s.Permutation))], s.Indices[:min(mostListed, len(s.Indices))]
	for _, factor := range s.Factors[:min(mostListed, len(s.Factors))] {
		f.Factors = append(f.Factors, jsonfloat.Number(factor))
	}
	f.Slices = max(len(s.Permutation), len(s.Indices), len(s.Factors))
	factor, offset := jsonfloat.Number(s.Factor), jsonfloat.Number(s.Offset)
	switch s.Kind {
	case Scaled:
		f.Factor = &factor
	case Shifted:
		f.Offset = &offset
	case Affine:
		f.Factor, f.Offset = &factor, &offset
	case OneValue:
		f.A, f.B = &factor, &offset
	case Zero, Ones, Constant:
		f.Value, f.Shape = &offset, nil
	case Close:
		f.Relative = &factor
	case Rounded, Cut:
		f.DType = s.DType.String()
	case Part:
		f.Name = s.slices
	}
	return f
}
