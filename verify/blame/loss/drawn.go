package loss

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	// fewestDrawn is how many values must be there for their distribution to show anything, and fewestFaint how many if they are much smaller than those of others.
	fewestDrawn = 1024
	fewestFaint = 256
)

// matrix reports whether there are enough values for their distribution to show anything.
func (l look) matrix() bool { return len(l.shape) >= 2 && l.elements >= fewestDrawn }

// normals are the normal distributions that programs draw from, by what is done with values beyond bound standard deviations: deviation is that of what remains, as a
// share. BEiT draws anew beyond one deviation, others beyond two (microsoft/unilm beit/modeling_finetune.py and timm's trunc_normal_).
var normals = []struct {
	says                       string
	deviation, kurtosis, bound float64
}{
	{"", 1, 3, math.Inf(1)},
	{", without values beyond one of it", 0.53956, 1.941, 1},
	{", without values beyond two of it", 0.87962, 2.366, 2},
	{", clamped to two of it", 0.95944, 2.454, 2},
}

// drawn returns how programs draw such values before training, or nothing: from a normal distribution of standard deviation 0.02, which BEiT divides by the
// square root of twice the number of the block in two layers, and multiplies by 0.001 in the head (microsoft/unilm beit/modeling_finetune.py), or uniformly by the
// number of inputs (PyTorch's Linear). Deviation and shape must be within four standard errors.
func (l look) drawn() string {
	n := float64(l.elements)
	if len(l.shape) < 2 || l.elements < fewestFaint || l.odd > 0 || l.deviation == 0 || math.Abs(l.mean) > 4*l.deviation/math.Sqrt(n) {
		return ""
	}
	const usual, ofHead = 0.02, 0.02 * 0.001
	deviations := []float64{usual}
	if _, block := role(l.name); block >= 0 {
		deviations = append(deviations, usual/math.Sqrt(2*float64(block+1)))
	}
	if strings.HasPrefix(l.name, "head.") {
		deviations = append(deviations, ofHead)
	}
	extreme := max(math.Abs(l.low), math.Abs(l.high))
	shaped := func(kurtosis float64) bool { return math.Abs(l.kurtosis-kurtosis) <= 4*math.Sqrt(24/n) }
	for _, d := range deviations {
		for _, of := range normals {
			near := math.Abs(l.deviation-d*of.deviation) <= 2*d*of.deviation*math.Sqrt((of.kurtosis-1)/n)
			filled := math.IsInf(of.bound, 1) || extreme <= of.bound*d*(1+1e-6) && extreme > of.bound*d*(1-40/n)
			if near && filled && shaped(of.kurtosis) {
				return fmt.Sprintf("drawn from a normal distribution of standard deviation %.2g%s", d, of.says)
			}
		}
	}
	bound := math.Sqrt(float64(l.shape[0]) / n)
	if extreme <= bound*(1+1e-6) && extreme > bound*(1-20/n) && shaped(1.8) {
		return fmt.Sprintf("drawn uniformly between -%.2g and %.2g", bound, bound)
	}
	return ""
}

// initial finds weights that were drawn and not trained. A head whose bias is zero is one to be trained.
func initial(l look, others company, tail []look) *Suspicion {
	how := l.drawn()
	bias := strings.TrimSuffix(l.name, "weight") + "bias"
	if how == "" || slices.ContainsFunc(tail, func(other look) bool { return other.name == bias && other.constant() }) {
		return nil
	}
	trained := func(s look) bool { return s.matrix() && s.drawn() == "" }
	if !l.matrix() {
		trained = func(s look) bool { return s.deviation > 50*l.deviation } // of few values the deviation alone must tell
	}
	if !others.most(trained) {
		return nil
	}
	return &Suspicion{Kind: Initial, Sentence: "has values as before training, " + how + others.say("have not")}
}
