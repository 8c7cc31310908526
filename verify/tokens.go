package verify

import (
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// tokens is the name of the stage of visual tokens, which are chosen and not computed: they are judged by how close the choice was.
var tokens = engine.Stage{Kind: engine.Tokens}.String()

// Tokens says how the visual tokens of subject and reference compare.
type Tokens struct {
	// Count is the number of visual tokens that were compared, and Differing the number of those that differ.
	Count, Differing int
	// Margin is the smallest difference between what speaks for the chosen one, the logit or the negated square of the distance to a code, and the second best,
	// over all images.
	Margin float64
	// Gap is the largest difference of that kind between the two that subject and reference chose where they differ, and Allowed the largest that rounding explains.
	Gap, Allowed float64
	// Tied is the number of those that differ for which exactly the same speaks by the subject's parameters, as where two codes are one, or all parameters are zero:
	// no rounding makes that. Unchosen is the number of tokens that one side has no number for, or whose scores are not finite; they are not among Differing.
	Tied, Unchosen int
}

// within reports whether rounding to a precision explains what differs. It moves a choice now and then: if it would have to move most of them, and is not that of half
// precision, the subject has no preference.
func (t Tokens) within(p Precision) bool {
	return t.Unchosen == 0 && t.Gap <= t.Allowed && t.Tied == 0 && (2*t.Differing <= t.Count || isHalf(p.DType))
}

// tokenMeter compares choices.
type tokenMeter struct {
	count, differing     int
	margin, gap, largest float64
	// at is the index of the choice with the largest gap.
	at int
	// noise is that of what the choices were made by.
	noise drift.Meter
	// notNumbers counts the choices that one side could not make, and tied those that differ between two for which exactly the same speaks.
	notNumbers, tied int
}

// add compares choices: got and want are indices, and scores what speaks for each of the candidates, [choices, candidates].
func (m *tokenMeter) add(got, want, scores []float64) {
	if m.count == 0 {
		m.margin = math.Inf(1)
	}
	width := len(scores) / max(1, len(want))
	for i, w := range want {
		row, g := scores[i*width:(i+1)*width], got[i]
		m.count++
		if !isIndex(g, width) || !isIndex(w, width) || !drift.AllFinite(row) {
			m.notNumbers++
			continue
		}
		best, second := math.Inf(-1), math.Inf(-1)
		for _, v := range row {
			if v > best {
				best, second = v, best
			} else if v > second {
				second = v
			}
			m.largest = max(m.largest, math.Abs(v))
		}
		m.margin = min(m.margin, best-second)
		// Both sides must have chosen one that is nearly the best.
		gap := max(best-row[int(g)], best-row[int(w)])
		if g == w {
			gap = 0
		} else {
			m.differing++
			if gap == 0 {
				m.tied++
			}
		}
		if gap > m.gap {
			m.gap, m.at = gap, m.count-1
		}
	}
}

// isIndex reports whether v is one of count indices.
func isIndex(v float64, count int) bool { return v >= 0 && v < float64(count) && v == math.Trunc(v) }

// tokens returns the comparison, of which a gap up to allowed is rounding.
func (m *tokenMeter) tokens(allowed float64) Tokens {
	return Tokens{Count: m.count, Differing: m.differing, Margin: m.margin, Gap: m.gap, Allowed: allowed, Tied: m.tied, Unchosen: m.notNumbers}
}

// distance returns the comparison as a distance: what rounding would have to move.
func (m *tokenMeter) distance() drift.Distance {
	d := drift.Distance{MaxAbs: m.gap, At: m.at, Largest: m.largest, Mean: m.gap, RMS: m.gap, NonFinite: m.notNumbers, Cosine: 1}
	if m.gap > 0 {
		d.MaxRel = m.gap / m.largest
	}
	if m.notNumbers > 0 {
		d.MaxAbs, d.MaxRel, d.Mean, d.RMS, d.Cosine = math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1), 0
	}
	return d
}

// chooser returns what speaks for each candidate, from the activation before visual tokens: logits, or codes.
type chooser struct {
	config arch.Config
	// codes are [Codes, Dim]; nil for a dVAE.
	codes []float64
}

func newChooser(config arch.Config, weights []tensor.Named) (*chooser, error) {
	c := &chooser{config: config}
	if config.Kind != arch.VQKD {
		return c, nil
	}
	at := slices.IndexFunc(weights, func(w tensor.Named) bool { return w.Name == "quantize.embedding.weight" })
	var err error
	c.codes, err = tensor.Float64s(weights[at].View)
	return c, err
}

// scores returns [choices, candidates].
func (c *chooser) scores(before engine.Activation) []float64 {
	if c.codes == nil {
		values, _ := inRows(before.Shape, before.Values)
		return values
	}
	dim, count := c.config.Codebook.Dim, c.config.Codebook.Codes
	scores := make([]float64, 0, len(before.Values)/dim*count)
	for code := range slices.Chunk(before.Values, dim) {
		length := 0.0
		for _, v := range code {
			length += v * v
		}
		length = max(math.Sqrt(length), 1e-12)
		for from := 0; from < len(c.codes); from += dim {
			squares := 0.0
			for i, v := range code {
				off := v/length - c.codes[from+i]
				squares += off * off
			}
			scores = append(scores, -squares)
		}
	}
	return scores
}

// inRows returns the values of an activation of convolutions, [N, C, h, w], as rows of channels, and the shape [N, h w, C] that they have then. Those of others are
// returned as they are.
func inRows(shape tensor.Shape, values []float64) ([]float64, tensor.Shape) {
	if len(shape) != 4 {
		return values, shape
	}
	channels, area := shape[1], shape[2]*shape[3]
	moved := make([]float64, len(values))
	for i, v := range values {
		image, channel, place := i/(channels*area), i/area%channels, i%area
		moved[(image*area+place)*channels+channel] = v
	}
	return moved, tensor.Shape{shape[0], area, channels}
}

// compareTokens measures the visual tokens of the n-th stage, in the run of the whole model and alone. acts are those of the runs, and stage i of its part.
func (b *batch) compareTokens(m *tapMeter, acts activationsOf, i int) error {
	if b.chooser == nil {
		var err error
		if b.chooser, err = newChooser(b.verification.subject.Config, b.verification.subject.Weights); err != nil {
			return err
		}
	}
	want := acts.want[i]
	if want == nil {
		return nil
	}
	got := acts.got[i]
	if !want.Shape.Equal(got.Shape) || len(want.Values) != len(got.Values) {
		return &MismatchError{What: got.Name, Got: got.Shape, Want: want.Shape}
	}
	m.compared = true
	if m.choices == nil {
		m.choices = &tokenMeter{}
	}
	exact := b.chooser.scores(b.walks[b.exact].before[0])
	m.choices.add(got.Values, want.Values, exact)
	m.choices.noise.Add(b.chooser.scores(b.walks[b.rounded].before[0]), exact)
	m.damage.add(b.from, want.Shape, want.Values, nil)
	before, has := b.localBefore(engine.Stage{Kind: engine.Tokens})
	if b.wanted == nil || !has {
		return nil
	}
	if m.alone == nil {
		m.alone = &tokenMeter{}
	}
	scores := b.chooser.scores(before[0])
	m.alone.add(chosen(scores, len(want.Values)), want.Values, scores)
	return nil
}

// chosen returns the index of the best candidate for each choice.
func chosen(scores []float64, choices int) []float64 {
	width := len(scores) / choices
	best := make([]float64, choices)
	for i := range best {
		row := scores[i*width : (i+1)*width]
		for j, v := range row {
			if v > row[int(best[i])] {
				best[i] = float64(j)
			}
		}
	}
	return best
}

// judgeTokens returns the verdict on visual tokens.
func (m *tapMeter) judgeTokens(p, origin Precision, images int) Tap {
	noise := m.choices.noise.Distance()
	// Each of the two that were chosen may be moved as far as the tolerance, in either direction.
	allowed := 2 * p.tolerance(noise)
	verdict := m.choices.tokens(allowed)
	t := Tap{
		Name: m.name, Shape: append(tensor.Shape{images}, m.shape[1:]...), Distance: m.choices.distance(), Noise: noise.MaxAbs, Tolerance: allowed, Tokens: &verdict,
	}
	t.OK = verdict.within(p)
	if m.alone != nil {
		l := &Local{Distance: m.alone.distance(), Tolerance: origin.Multiple * origin.Epsilon * m.alone.largest}
		l.OK = m.alone.tokens(l.Tolerance).within(origin)
		if l.MaxAbs > 0 {
			l.Share = l.MaxAbs / l.Tolerance
		}
		t.Local = l
	}
	return t
}
