package verify

import (
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// doubts are what else than a fault may explain that activations differ by more than rounding, with its measured effect.
type doubts struct {
	config arch.Config
	// half are the parameters that were rounded when they were stored. lanes have their values changed by as much as was rounded away.
	half  []halfTensor
	lanes []*lane
	// epsilon is a lane that keeps the LayerNorm epsilon in float32, as some programs do that compute in float64; nil if that is no other number.
	epsilon *lane
	// narrow means that the epsilon in float32 explains a stage.
	narrow bool
	// exactly means that a stage with telling parameters agrees to the last place, so that the reference had these very values.
	exactly bool
}

// effect is how far the values change that were rounded away, at one stage: in the run of the whole model, and in the stage alone.
type effect struct{ whole, local drift.Meter }

// draws is how often the values that were rounded away are drawn.
const draws = 2

// explain measures, if anything differs, the effect of what may explain it: the reference may have had parameters that were rounded when they were stored, or
// an epsilon in float32.
func (v *verification) explain(ctx context.Context) error {
	if v.reference.isOracle() || !v.anyDiffers() {
		return nil
	}
	v.phase(Doubting)
	d := &doubts{config: v.subject.Config}
	var err error
	if d.half, err = v.halfTensors(); err != nil {
		return err
	}
	d.half = append(d.half, v.roundedInput()...)
	if len(d.half) > 0 {
		for draw := range uint64(draws) {
			l, err := v.newLane(v.subject.Config, shaken(v.subject.Weights, d.half, draw), tensor.F64)
			if err != nil {
				return err
			}
			d.lanes = append(d.lanes, l)
		}
	}
	config := v.subject.Config
	if narrow := float64(float32(config.Epsilon)); narrow != config.Epsilon && v.origin.DType == tensor.F64 && slices.ContainsFunc(v.taps, (*tapMeter).mayBeNarrow) {
		config.Epsilon = narrow
		if d.epsilon, err = v.newLane(config, v.subject.Weights, tensor.F64); err != nil {
			return err
		}
	}
	if d.lanes == nil && d.epsilon == nil {
		return nil
	}
	v.doubts = d
	if err := v.batches(func(from, to int) error { return v.doubt(ctx, from, to) }); err != nil {
		return err
	}
	v.settle()
	return nil
}

// mayBeNarrow reports whether a stage alone is so far from the reference that an epsilon in float32 may be what it takes, and not farther than that could lead.
func (m *tapMeter) mayBeNarrow() bool {
	// An epsilon that is rounded to float32 changes a result of norm by less than 2^-25 of it, which is 2^28 times what float64 rounds away.
	const most = 64 << 28
	if m.local == nil {
		return false
	}
	l := m.local.verdict()
	return !l.OK && l.Share <= most
}

// anyDiffers reports whether any tap is outside of its tolerance.
func (v *verification) anyDiffers() bool {
	for _, m := range v.taps {
		if m.compared && (!m.judge(v.precision, v.origin, v.images).OK || m.local != nil && !m.local.verdict().OK) {
			return true
		}
	}
	return false
}

// doubt measures the effects on the images [from, to).
func (v *verification) doubt(ctx context.Context, from, to int) error {
	b, err := v.newBatch(ctx, from, to)
	if err != nil {
		return err
	}
	defer b.close()
	d := v.doubts
	if len(d.lanes) > 0 {
		b.add(append(d.lanes, v.exact)...)
	}
	if v.roundedInput() != nil {
		for i, l := range d.lanes {
			b.walks[l].input = shakenInput(b.input, uint64(i))
		}
	}
	count := 0
	for _, stages := range partsOf(v.subject.Config) {
		taps := v.taps[count : count+len(stages)]
		if d.concern(taps) {
			if err := b.loadLanes(stages[0], append(d.lanes, v.exact, v.rough, d.epsilon)...); err != nil {
				return err
			}
		}
		acts, err := b.activations(ctx, stages)
		if err != nil {
			return err
		}
		if err := b.doubtPart(ctx, stages, acts.want, taps); err != nil {
			return err
		}
		b.before.add(stages, acts.want)
		if stages[0].Kind == engine.Tokens {
			b.sameTokens(acts, 0)
		}
		count += len(stages)
	}
	return nil
}

// narrowly reports whether an epsilon in float32 may be what one of these taps takes.
func (d *doubts) narrowly(taps []*tapMeter) bool {
	return d.epsilon != nil && slices.ContainsFunc(taps, (*tapMeter).mayBeNarrow)
}

// concern reports whether there is anything to measure at these taps.
func (d *doubts) concern(taps []*tapMeter) bool { return d.lanes != nil || d.narrowly(taps) }

// doubtPart measures the effects at the stages of one part, whose taps these are.
func (b *batch) doubtPart(ctx context.Context, stages []engine.Stage, want []*engine.Activation, taps []*tapMeter) error {
	d := b.doubts
	if !d.concern(taps) {
		return nil
	}
	local, err := b.localActivations(ctx, stages, want, b.exact, b.rough)
	if err != nil {
		return err
	}
	for _, l := range d.lanes {
		kept := b.input
		if w := b.walks[l]; w != nil {
			b.input = w.input
		}
		shaken, err := b.localActivations(ctx, stages, want, l, nil)
		b.input = kept
		if err != nil {
			return err
		}
		for i := range stages {
			taps[i].effect.whole.Add(b.walks[l].now[i].Values, b.walks[b.exact].now[i].Values)
			if shaken != nil {
				taps[i].effect.local.Add(shaken.exact[i].Values, local.exact[i].Values)
			}
		}
	}
	if local == nil || !d.narrowly(taps) {
		return nil
	}
	return b.narrowPart(ctx, stages, want, taps, local)
}

// narrowPart compares the stages of one part, alone, with an epsilon in float32.
func (b *batch) narrowPart(ctx context.Context, stages []engine.Stage, want []*engine.Activation, taps []*tapMeter, local *localPart) error {
	narrow, err := b.localActivations(ctx, stages, want, b.doubts.epsilon, nil)
	if err != nil {
		return err
	}
	for i, stage := range stages {
		m := taps[i]
		if want[i] == nil || m.local == nil {
			continue
		}
		if m.narrow == nil {
			m.narrow = &localMeter{limits: b.limitsOf(stage.Kind)}
		}
		rough := make([]float64, len(want[i].Values))
		for j := range rough {
			rough[j] = narrow.exact[i].Values[j] + local.rough[i].Values[j] - local.exact[i].Values[j]
		}
		m.narrow.add(b.from, want[i], narrow.exact[i].Values, rough)
	}
	return nil
}

// settle decides which of the doubts hold.
func (v *verification) settle() {
	d := v.doubts
	for _, m := range v.taps {
		if m.local != nil && m.narrow != nil && !m.local.verdict().OK && m.narrow.verdict().OK {
			m.local, d.narrow = m.narrow, true
		}
	}
	for _, m := range v.taps {
		if m.compared && v.tells(m) {
			d.exactly = true
		}
	}
	if d.exactly {
		d.half = slices.DeleteFunc(d.half, func(h halfTensor) bool { return !h.computed })
	}
}

const (
	// plain is how many times the limit of rounding the effect of stored rounding must be, so that a stage without it shows that there was none.
	plain = 3
	// allowed is how many times the largest effect of one draw the largest effect of what was really rounded away may be.
	allowed = 4
)

// tells reports whether a stage shows that the reference had the very values of the parameters that are stored in half precision.
func (v *verification) tells(m *tapMeter) bool {
	stage, err := engine.ParseStage(m.name)
	if err != nil || m.local == nil {
		return false
	}
	for _, h := range v.doubts.half {
		if h.telling && !h.computed && h.readBy(stage, v.subject.Config) {
			return m.local.verdict().OK && m.effect.local.Distance().RMS > plain*m.local.limits.whole*m.local.noise.Distance().RMS
		}
	}
	return false
}

// readBy reports whether a stage is computed from the parameter, or from the images.
func (h halfTensor) readBy(stage engine.Stage, config arch.Config) bool {
	if h.name == inputTensor {
		return stage.Kind == engine.Embed
	}
	return stage.Reads(config, h.name)
}

// halfOf returns the coarsest dtype to which parameters were rounded whose effect may be in a stage, in the stage alone or in the run before it, or Invalid.
func (d *doubts) halfOf(stage engine.Stage, alone bool) (dtype tensor.DType) {
	if d == nil {
		return tensor.Invalid
	}
	for _, h := range d.half {
		if alone && !h.readBy(stage, d.config) {
			continue
		}
		if dtype == tensor.Invalid {
			dtype = h.dtype
		}
		dtype = coarser(dtype, h.dtype)
	}
	return dtype
}

// allow returns the verdict on a stage alone, in which parameters may have been rounded when they were stored, and whether only that explains it.
func (m *tapMeter) allow(l *Local) (excused bool) {
	e, noise := m.effect.local.Distance(), m.local.noise.Distance()
	if l.OK || l.NonFinite > 0 || e.NonFinite > 0 {
		return false
	}
	rms, largest := m.local.limits.stored*math.Hypot(e.RMS, noise.RMS), allowed*(e.MaxAbs+noise.MaxAbs)
	share := max(l.RMS/rms, l.MaxAbs/largest)
	if l.OK = share <= 1; l.OK {
		l.Tolerance = largest
	} else {
		l.Tolerance = min(l.MaxAbs*0.99, largest)
	}
	l.Share, l.ToleranceRMS = share, rms
	return l.OK
}
