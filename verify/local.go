package verify

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// localPart are the stages of one part, computed from the reference's own activation before them: exactly, and in the dtype of the reference's noise.
type localPart struct{ exact, rough []*engine.Activation }

// localActivations computes one part in two lanes from the reference's activation before it. It returns nil if the reference does not have that, or none of
// the stages, or is the oracle, which is the same computation.
func (b *batch) localActivations(ctx context.Context, stages []engine.Stage, want []*engine.Activation, exact, rough *lane) (*localPart, error) {
	before, has := b.localBefore(stages[0])
	if b.wanted == nil || !has || !hasAny(want) {
		return nil, nil
	}
	run := func(l *lane) ([]*engine.Activation, error) {
		all, err := l.run(ctx, b.input, before)
		return pointers(all), err
	}
	one, err := run(exact)
	if err != nil || rough == nil {
		return &localPart{exact: one}, err
	}
	other, err := run(rough)
	return &localPart{one, other}, err
}

// localBefore returns the reference's activations from which a stage is computed, and whether it has all of them, with finite values.
func (b *batch) localBefore(stage engine.Stage) ([]engine.Activation, bool) {
	before, has := b.before.inputs(stage)
	for _, a := range before {
		has = has && drift.AllFinite(a.Values)
	}
	return before, has
}

func hasAny(acts []*engine.Activation) bool {
	for _, a := range acts {
		if a != nil {
			return true
		}
	}
	return false
}

// compareLocal measures stage i of a part.
func (b *batch) compareLocal(m *tapMeter, stage engine.Stage, want *engine.Activation, local *localPart, i int) {
	if local == nil || want == nil {
		return
	}
	if m.local == nil {
		m.local = &localMeter{limits: b.limitsOf(stage.Kind)}
	}
	m.local.add(b.from, want, local.exact[i].Values, local.rough[i].Values)
}

// limits say how many times the expected rounding of groups of values may be: of the whole activation, of one channel, one token, and one value.
type limits struct {
	whole, channel, token, value float64
	// stored is that of the whole activation, times the effect of values that were rounded when they were stored.
	stored float64
	// scale times the measured noise is that of the reference's dtype, and ulp the part of a value to which the dtype rounds.
	scale, ulp float64
}

// limitsOf returns the limits for a kind of stage of the subject.
func (v *verification) limitsOf(kind engine.StageKind) limits {
	if v.subject.Config.Convolutional() && kind != engine.Picture {
		kind = engine.Embed // a convolution
	}
	l := limitsOf(kind, v.origin)
	if v.origin.DType == tensor.F64 && (kind == engine.Block || kind == engine.Attention || kind == engine.DecoderBlock || kind == engine.DecoderAttention) {
		l.widen(v.subject.Config.HiddenDim)
	}
	return l
}

// widen is for blocks in float64. Libraries that have no kernels for it but the usual ones add up long sums one product after the other, whose rounding grows with the square root
// of the length, while that of sums in parts, as the native engine and float32 have them, hardly does: at base_224 PyTorch's is 2.3 times the native engine's.
func (l *limits) widen(length int) {
	const short = 192 // so long are the sums of the models that the limits were measured on
	factor := math.Sqrt(max(1, float64(length)/short))
	l.whole, l.channel, l.token, l.value = l.whole*factor, l.channel*factor, l.token*factor, l.value*factor
}

// limitsOf returns the limits for a kind of stage. They are about twice the largest figures of correct programs, which docs/tolerance.md has. Libraries differ
// most in how they add up the products of the convolution, unless the sum is rounded to half precision, and few values, as in the logits, scatter more.
func limitsOf(kind engine.StageKind, p Precision) limits {
	l := limits{whole: 2.4, channel: 2.4, token: 2.9, value: 2.4, stored: 2.4}
	if isHalf(p.DType) {
		l = limits{whole: 1.9, channel: 1.9, token: 2.3, value: 1.9, stored: 2.4}
	}
	switch {
	case kind == engine.Fused && !isHalf(p.DType): // convolutions, one behind the other
		l = limits{whole: 6, channel: 7.2, token: 6.9, value: 8.8, stored: 2.4}
	case isConvolution(kind) && !isHalf(p.DType):
		l = limits{whole: 6, channel: 6.5, token: 5.2, value: 5.5, stored: 2.4}
	case kind == engine.Pool, kind == engine.Logits, kind == engine.Codes, kind == engine.Target, kind == engine.Picture:
		l.whole, l.stored = 3.4, 3.4
	}
	l.scale, l.ulp = 1, p.Epsilon
	if p.DType == tensor.F64 {
		l.scale = 0x1p-29 // of float32's noise
	}
	return l
}

// isConvolution reports whether a stage is one, or some beside each other.
func isConvolution(kind engine.StageKind) bool {
	return slices.Contains([]engine.StageKind{engine.Embed, engine.Feature, engine.Lateral, engine.Pyramid, engine.AuxiliaryLogits}, kind)
}

// localMeter judges one stage alone, over all batches.
type localMeter struct {
	limits          limits
	distance, noise drift.Meter
	// share is the largest figure divided by its limit: above 1, the difference is not rounding.
	share float64
	// bound is the largest difference of one value that counts as rounding.
	bound float64
	// expected is the sum of the squares of the expected rounding of count values.
	expected float64
	count    int
	// scaled is share if each channel of the reference is first multiplied by a factor, that which fits best.
	scaled float64
	where  placeMeter
}

// add measures the images of one batch, of which the first has the index from. want is the reference's, exact the same in float64, and rough in the dtype of
// the noise.
func (m *localMeter) add(from int, want *engine.Activation, exact, rough []float64) {
	values, shape := inRows(want.Shape, want.Values)
	if len(values) != len(exact) {
		return // of another shape, which compare has refused
	}
	exact, _ = inRows(want.Shape, exact)
	rough, _ = inRows(want.Shape, rough)
	scaled := make([]float64, len(rough))
	for i, v := range rough {
		scaled[i] = exact[i] + (v-exact[i])*m.limits.scale
	}
	m.distance.Add(values, exact)
	m.noise.Add(scaled, exact)
	width := shape[len(shape)-1]
	y := newYardstick(width, exact, scaled, m.limits.ulp)
	share, bound := y.judge(values, exact, m.limits)
	for _, unit := range y.units {
		m.expected += unit * unit
	}
	m.count += len(exact)
	m.share, m.bound = max(m.share, share), max(m.bound, bound)
	if share > 1 {
		share, _ = y.judge(fitted(values, exact, width), exact, m.limits)
	}
	m.scaled = max(m.scaled, share)
	m.where.add(from, &engine.Activation{Name: want.Name, Shape: shape, Values: values}, exact, y)
}

// verdict returns the result. The tolerance of a stage that fails is below its MaxAbs, also if no single value is too far off.
func (m *localMeter) verdict() *Local {
	l := &Local{Distance: m.distance.Distance(), Noise: m.noise.Distance().MaxAbs, Tolerance: m.bound, Share: m.share}
	l.ToleranceRMS = m.limits.whole * math.Sqrt(m.expected/float64(max(1, m.count)))
	l.OK = m.share <= 1 && l.NonFinite == 0
	if !l.OK && l.MaxAbs <= l.Tolerance {
		l.Tolerance = min(l.MaxAbs*0.99, max(l.MaxAbs/m.share, 1.2*l.Noise))
	}
	return l
}

// fitted returns values with each channel multiplied by the factor that brings it nearest to exact.
func fitted(values, exact []float64, width int) []float64 {
	both, own := make([]float64, width), make([]float64, width)
	for i, v := range values {
		both[i%width] += v * exact[i]
		own[i%width] += v * v
	}
	out := make([]float64, len(values))
	for i, v := range values {
		if own[i%width] > 0 {
			out[i] = v * both[i%width] / own[i%width]
		}
	}
	return out
}

// yardstick has the expected rounding of each value of an activation of rows and channels: the product of a factor of its channel and one of its row, which
// are taken from measured noise, and never less than what storing the value rounds.
type yardstick struct {
	rows, width int
	units       []float64
}

// prior is how many values the mean noise counts for, when that of a channel is estimated from few.
const prior = 8

func newYardstick(width int, exact, rough []float64, ulp float64) *yardstick {
	y := &yardstick{rows: len(exact) / width, width: width, units: make([]float64, len(exact))}
	channel := make([]float64, width)
	total := 0.0
	for from := 0; from < len(rough); from += width {
		line, right := rough[from:from+width], exact[from:from+width]
		for c, v := range line {
			square := (v - right[c]) * (v - right[c])
			channel[c] += square
			total += square
		}
	}
	mean := total / float64(max(1, len(exact)))
	inverse := make([]float64, width)
	for c, sum := range channel {
		channel[c] = math.Sqrt((sum + prior*mean) / float64(y.rows+prior))
		if channel[c] > 0 {
			inverse[c] = 1 / channel[c]
		}
	}
	for from := 0; from < len(rough); from += width {
		line, right, units := rough[from:from+width], exact[from:from+width], y.units[from:from+width]
		sum := 0.0
		for c, v := range line {
			off := (v - right[c]) * inverse[c]
			sum += off * off
		}
		row := math.Sqrt((sum + prior) / float64(width+prior))
		for c, v := range right {
			noise, stored := channel[c]*row, rootTwelfth*ulp*v
			units[c] = math.Sqrt(noise*noise + stored*stored)
		}
	}
	return y
}

// rootTwelfth is the root mean square of a number between -1/2 and 1/2, such as the error of rounding to whole numbers.
const rootTwelfth = 0.28867513459481287

// judge returns the largest figure divided by its limit, and the largest difference of one value that is within its limit.
func (y *yardstick) judge(got, exact []float64, l limits) (share, bound float64) {
	channels := make([]float64, y.width)
	total, single, largest, token := 0.0, 0.0, 0.0, 0.0
	value := l.value * spread(1, len(got))
	for from := 0; from < len(got); from += y.width {
		line, right, units := got[from:from+y.width], exact[from:from+y.width], y.units[from:from+y.width]
		sum := 0.0
		for c, v := range line {
			unit := units[c]
			largest = max(largest, unit)
			off := v - right[c]
			if off == 0 {
				continue
			}
			off /= unit
			square := off * off
			channels[c] += square
			sum += square
			single = max(single, square)
		}
		total += sum
		token = max(token, sum)
	}
	bound = value * largest
	share = max(math.Sqrt(total/float64(max(1, len(got))))/l.whole, math.Sqrt(single)/value)
	for _, sum := range channels {
		share = max(share, math.Sqrt(sum/float64(y.rows))/(l.channel*spread(y.rows, y.width)))
	}
	share = max(share, math.Sqrt(token/float64(y.width))/(l.token*spread(y.width, y.rows)))
	if math.IsNaN(share) {
		share = math.Inf(1)
	}
	return share, bound
}

// spread returns how far the root mean square of size values with a standard deviation of 1 may be from 1, as the largest of that many groups of independent
// values: the bound of Laurent and Massart for the chi-squared distribution.
func spread(size, groups int) float64 {
	const surprise = 7 // the logarithm of how rare it is that a correct one is beyond
	x := (math.Log(float64(groups)) + surprise) / float64(size)
	return math.Sqrt(1 + 2*math.Sqrt(x) + 2*x)
}

// placeMeter finds where the differences of a stage are concentrated.
type placeMeter struct {
	images, tokens, channels map[int]float64
	total, largest           float64
	element                  []int
	isLogits                 bool
}

// add adds the differences of one batch, each divided by its expected rounding, without what rounding explains.
func (m *placeMeter) add(from int, want *engine.Activation, exact []float64, y *yardstick) {
	if m.images == nil {
		m.images, m.tokens, m.channels = map[int]float64{}, map[int]float64{}, map[int]float64{}
		m.isLogits = want.Name == logits
	}
	one := len(exact) / want.Shape[0]
	for i, v := range want.Values {
		off := math.Abs(v-exact[i]) / y.units[i]
		if off = off - ordinary; !(off > 0) || math.IsInf(off, 1) {
			continue
		}
		square := off * off
		image, channel := i/one, i%y.width
		m.images[from+image] += square
		m.channels[channel] += square
		if len(want.Shape) == 3 {
			m.tokens[i%one/y.width] += square
		}
		m.total += square
		if square > m.largest {
			m.largest, m.element = square, []int{from + image, channel}
			if len(want.Shape) == 3 {
				m.element = []int{from + image, i % one / y.width, channel}
			}
		}
	}
}

const (
	// ordinary is how many times its expected rounding the difference of a value may be before it says where a fault is.
	ordinary = 3
	// concentrated is the share of the squared differences that makes a place worth naming, if it is at most that part of the activation.
	concentrated, fewOf = 0.99, 0.05
)

// place returns where the differences are concentrated; counts are those of all images and channels.
func (m *placeMeter) place(shape tensor.Shape) (p blame.Place) {
	if m.total == 0 {
		return p
	}
	if m.largest >= concentrated*m.total && len(shape) > 1 {
		p.Element = m.element
	}
	width := shape[len(shape)-1]
	channels := fewest(m.channels, m.total, width)
	if m.isLogits {
		p.Classes = channels
	} else {
		p.Channels = channels
	}
	if len(shape) == 3 {
		p.Tokens = fewest(m.tokens, m.total, shape[1])
	}
	p.Images = fewest(m.images, m.total, shape[0])
	return p
}

// fewest returns the sorted indices that hold nearly all of total, or nil if they are not few among all.
func fewest(sums map[int]float64, total float64, all int) []int {
	most := max(1, int(fewOf*float64(all)))
	if all <= 1 {
		return nil
	}
	indices := slices.SortedFunc(maps.Keys(sums), func(a, b int) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b)) })
	sum := 0.0
	for n, i := range indices {
		if n == most {
			return nil
		}
		if sum += sums[i]; sum >= concentrated*total {
			return slices.Sorted(slices.Values(indices[:n+1]))
		}
	}
	return nil
}
