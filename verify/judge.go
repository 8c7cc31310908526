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
	// exactly is between the subject's weights in float64 and the reference; only for logits.
	exactly drift.Meter
	// compared means that the reference had this activation.
	compared bool
	// local measures the stage alone; nil if the reference does not have the activation before it. narrow does so with an epsilon in float32.
	local, narrow *localMeter
	// effect is that of values that were rounded away when they were stored.
	effect effect
	// notFinite counts the values of the subject and of the reference that are not finite.
	notFinite struct{ subject, reference int }
	damage    damageMeter
	// choices compares visual tokens, and alone those that the reference's own activation leads to; nil for other stages.
	choices, alone *tokenMeter
}

// meter returns the meter of the n-th stage, of which got is an activation.
func (v *verification) meter(n int, got *engine.Activation) *tapMeter {
	for len(v.taps) <= n {
		v.taps = append(v.taps, &tapMeter{name: got.Name, shape: got.Shape})
	}
	return v.taps[n]
}

// compare measures the activations of a stage: got is the subject's, want the reference's or nil, and the distance of rounded and exact is the noise.
// The first of their images has the index from.
func (v *verification) compare(from int, m *tapMeter, got, want, rounded, exact *engine.Activation) error {
	if want == nil {
		return nil
	}
	for _, other := range []*engine.Activation{want, rounded, exact} {
		if other == nil || !other.Shape.Equal(got.Shape) || len(other.Values) != len(got.Values) {
			return &MismatchError{What: got.Name, Got: got.Shape, Want: want.Shape, Reason: v.otherLogits(got, want)}
		}
	}
	m.compared = true
	before := m.distance.NonFinite()
	m.distance.Add(got.Values, want.Values)
	if m.distance.NonFinite() > before {
		m.notFinite.subject += countNotFinite(got.Values)
		m.notFinite.reference += countNotFinite(want.Values)
		m.damage.add(from, want.Shape, want.Values, exact.Values)
	}
	m.noise.Add(rounded.Values, exact.Values)
	if got.Name == logits {
		own, rows := inRows(got.Shape, got.Values)
		other, _ := inRows(want.Shape, want.Values)
		a := drift.Agree(own, other, rows[len(rows)-1])
		m.agreement.Rows += a.Rows
		m.agreement.Top1 += a.Top1
		m.agreement.Top5 += a.Top5
		m.exactly.Add(exact.Values, want.Values)
		v.samples.score(got, want)
	}
	return nil
}

// otherLogits says what the logits of a reference are whose shape is that of others which UPerNet has, or returns "".
func (v *verification) otherLogits(got, want *engine.Activation) string {
	config := v.subject.Config
	if !config.Segments() || got.Name != logits || len(want.Shape) != len(got.Shape) {
		return ""
	}
	height, width := config.Window()
	switch {
	case want.Shape[2] == height && want.Shape[3] == width:
		return "these are the logits of the auxiliary head, not of the main one"
	case want.Shape[2] == config.ImageHeight && want.Shape[3] == config.ImageWidth:
		return "these are logits in the size of the image, logits_full"
	}
	return ""
}

func countNotFinite(values []float64) (count int) {
	for _, v := range values {
		if !drift.Finite(v) {
			count++
		}
	}
	return count
}

// judge returns the verdict on a tap, without what may excuse it.
func (m *tapMeter) judge(p, origin Precision, images int) Tap {
	if m.choices != nil {
		return m.judgeTokens(p, origin, images)
	}
	t := m.measured(p, images)
	t.decide()
	if m.local != nil {
		t.Local = m.local.verdict()
	}
	return t
}

// measured returns a tap without a verdict.
func (m *tapMeter) measured(p Precision, images int) Tap {
	noise := m.noise.Distance()
	t := Tap{Name: m.name, Shape: append(tensor.Shape{images}, m.shape[1:]...), Distance: m.distance.Distance(), Noise: noise.MaxAbs, Tolerance: p.tolerance(noise)}
	if m.name == logits {
		t.ToleranceRMS = p.toleranceRMS(noise, t.Shape)
	}
	return t
}

// decide sets OK. The tolerance of a tap whose differences are too large together, though none is by itself, becomes less than the largest.
func (t *Tap) decide() {
	t.OK = t.NonFinite == 0 && t.MaxAbs <= t.Tolerance
	if t.OK && t.ToleranceRMS > 0 && t.RMS > t.ToleranceRMS {
		t.OK, t.Tolerance = false, t.MaxAbs*min(0.99, t.ToleranceRMS/t.RMS)
	}
}

// tap returns the verdict on a tap. held is the dtype to which parameters were rounded, if only that explains the tap, else Invalid.
func (v *verification) tap(m *tapMeter) (t Tap, held tensor.DType) {
	t = m.judge(v.precision, v.origin, v.images)
	if m.choices != nil {
		return t, tensor.Invalid
	}
	stage, err := engine.ParseStage(m.name)
	if err != nil {
		return t, tensor.Invalid
	}
	if half := v.doubts.halfOf(stage, false); half != tensor.Invalid {
		if wide := m.widened(v.precision, precision(half), v.images); !t.OK && wide.OK {
			wide.Local = t.Local
			t, held = wide, half
		}
	}
	if half := v.doubts.halfOf(stage, true); half != tensor.Invalid && t.Local != nil && m.allow(t.Local) {
		held = half
	}
	if t.Local != nil && !t.Local.OK {
		_, rows := inRows(t.Shape, nil)
		t.Where = m.local.where.place(rows)
	}
	return t, held
}

// widened returns the verdict on a tap if parameters were rounded to half precision after the reference was computed.
func (m *tapMeter) widened(p, half Precision, images int) Tap {
	t, effect := m.measured(p, images), m.effect.whole.Distance()
	if effect.NonFinite > 0 {
		return t // no finite value bounds it
	}
	t.Tolerance += half.Multiple * effect.MaxAbs
	t.ToleranceRMS += half.MultipleRMS * effect.RMS
	t.decide()
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
		t, held := v.tap(m)
		if held != tensor.Invalid {
			v.held = append(v.held, t.Name)
			r.HoldsTo = coarser(r.HoldsTo, held)
			r.Precision = precision(r.HoldsTo)
		}
		r.MaxAbs, r.MaxRel, r.Tolerance = t.MaxAbs, t.MaxRel, t.Tolerance
		if t.Name == logits {
			r.Agreement = m.agreement
		}
		if t.Tokens != nil {
			r.Tokens = *t.Tokens
		}
		r.Taps = append(r.Taps, t)
	}
	v.excuseBranches(r)
	r.FirstDivergence = firstDivergence(r.Taps)
	r.OK = r.FirstDivergence == ""
	return r
}

// firstDivergence returns the name of the first stage that differs by itself: alone, or in the run of the whole model if the reference does not have the
// activation before it. If there is none it is the first that differs in the run of the whole model, or "".
func firstDivergence(taps []Tap) (first string) {
	for _, t := range taps {
		if t.Local != nil && !t.Local.OK || t.Local == nil && !t.OK {
			return t.Name
		}
	}
	for _, t := range taps {
		if !t.OK {
			return t.Name
		}
	}
	return ""
}
