package verify

import (
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// meters gather what is known of one tap over all batches.
type meters struct {
	name            string
	shape           tensor.Shape
	distance, noise drift.Meter
	agreement       drift.Agreement
	compared        bool
}

// compare takes in the activations of one tap: the subject's, the reference's (nil where it has none), and those that measure the noise.
func (v *verification) compare(place int, got, want, rounded, exact *engine.Activation) error {
	for len(v.taps) <= place {
		v.taps = append(v.taps, &meters{name: got.Name, shape: got.Shape})
	}
	if want == nil {
		return nil
	}
	for _, other := range []*engine.Activation{want, rounded, exact} {
		if other == nil || !other.Shape.Equal(got.Shape) || len(other.Values) != len(got.Values) {
			return &MismatchError{What: got.Name, Got: got.Shape, Want: want.Shape}
		}
	}
	m := v.taps[place]
	m.compared = true
	m.distance.Add(got.Values, want.Values)
	m.noise.Add(rounded.Values, exact.Values)
	if got.Name == "logits" {
		a := drift.Agree(got.Values, want.Values, got.Shape[len(got.Shape)-1])
		m.agreement.Rows += a.Rows
		m.agreement.Top1 += a.Top1
		m.agreement.Top5 += a.Top5
	}
	return nil
}

// tap judges.
func (m *meters) tap(p Precision, images int) Tap {
	noise := m.noise.Distance()
	t := Tap{Name: m.name, Shape: append(tensor.Shape{images}, m.shape[1:]...), Distance: m.distance.Distance(), Noise: noise.MaxAbs, Tolerance: p.tolerance(noise)}
	t.OK = t.MaxAbs <= t.Tolerance // MaxAbs is infinite where a value is not finite
	return t
}

// result sums up.
func (v *verification) result() *Result {
	r := &Result{
		OK: true, Model: v.subject.Name, Architecture: v.subject.Config.Name, Engine: v.subject.Engine.Name(), Device: v.subject.Options.Device,
		Reference: v.origin.Name, DType: v.subject.Options.DType, Precision: v.precision, Images: v.images,
	}
	if r.Device == "" {
		r.Device = "cpu"
	}
	for _, m := range v.taps {
		if !m.compared {
			continue
		}
		t := m.tap(v.precision, v.images)
		if !t.OK && r.FirstDivergence == "" {
			r.OK, r.FirstDivergence = false, t.Name
		}
		r.MaxAbs, r.MaxRel, r.Tolerance = t.MaxAbs, t.MaxRel, t.Tolerance
		if t.Name == "logits" {
			r.Agreement = m.agreement
		}
		r.Taps = append(r.Taps, t)
	}
	return r
}
