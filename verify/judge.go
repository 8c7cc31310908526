package verify

import (
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// The names of stages that are judged in more ways than the others.
var (
	pool   = engine.Stage{Kind: engine.Pool}.String()
	logits = engine.Stage{Kind: engine.Logits}.String()
)

// tapMeter measures one tap over all batches.
type tapMeter struct {
	name            string
	shape           tensor.Shape
	distance, noise drift.Meter
	agreement       drift.Agreement
	// compared means that the reference had this activation.
	compared bool
}

// compare measures the activations of the n-th stage: got is the subject's, want the reference's or nil, and the distance of rounded and exact is the noise.
func (v *verification) compare(n int, got, want, rounded, exact *engine.Activation) error {
	for len(v.taps) <= n {
		v.taps = append(v.taps, &tapMeter{name: got.Name, shape: got.Shape})
	}
	if want == nil {
		return nil
	}
	for _, other := range []*engine.Activation{want, rounded, exact} {
		if other == nil || !other.Shape.Equal(got.Shape) || len(other.Values) != len(got.Values) {
			return &MismatchError{What: got.Name, Got: got.Shape, Want: want.Shape}
		}
	}
	m := v.taps[n]
	m.compared = true
	m.distance.Add(got.Values, want.Values)
	m.noise.Add(rounded.Values, exact.Values)
	if got.Name == logits {
		a := drift.Agree(got.Values, want.Values, got.Shape[len(got.Shape)-1])
		m.agreement.Rows += a.Rows
		m.agreement.Top1 += a.Top1
		m.agreement.Top5 += a.Top5
		v.samples.score(got, want)
	}
	return nil
}

// judge returns the verdict on a tap.
func (m *tapMeter) judge(p Precision, images int) Tap {
	noise := m.noise.Distance()
	t := Tap{Name: m.name, Shape: append(tensor.Shape{images}, m.shape[1:]...), Distance: m.distance.Distance(), Noise: noise.MaxAbs, Tolerance: p.tolerance(noise)}
	t.OK = t.MaxAbs <= t.Tolerance // MaxAbs is infinite if a value is not finite
	return t
}

// result returns the verdict on all taps.
func (v *verification) result() *Result {
	r := &Result{
		OK: true, Model: v.subject.Name, Architecture: v.subject.Config.Name, Engine: v.subject.Engine.Name(), Device: v.subject.Options.Device,
		Reference: v.reference.Name, DType: v.subject.Options.DType, Precision: v.precision, HoldsTo: v.precision.DType, Images: v.images,
		Samples: v.samples.samples,
	}
	if r.Device == "" {
		r.Device = "cpu"
	}
	for _, m := range v.taps {
		if !m.compared {
			continue
		}
		t := m.judge(v.precision, v.images)
		if !t.OK && r.FirstDivergence == "" {
			r.OK, r.FirstDivergence = false, t.Name
		}
		r.MaxAbs, r.MaxRel, r.Tolerance = t.MaxAbs, t.MaxRel, t.Tolerance
		if t.Name == logits {
			r.Agreement = m.agreement
		}
		r.Taps = append(r.Taps, t)
	}
	return r
}
