package evaluate

import (
	"math"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/internal/topk"
)

// answers are what logits say: the most probable classes, and what the loss of a class follows from.
type answers struct {
	logits   []float64
	function classify.Function
	// largest is the largest logit, and sum is that of the exponentials of all less the largest.
	largest, sum float64
}

// answersOf returns the answers of finite logits. The exponentials, of which there may be thousands for an image, are computed once.
func answersOf(logits []float64, function classify.Function) answers {
	a := answers{logits: logits, function: function, largest: math.Inf(-1)}
	for _, v := range logits {
		a.largest = max(a.largest, v)
	}
	for _, v := range logits {
		a.sum += math.Exp(v - a.largest)
	}
	return a
}

// top returns the most probable classes. The candidates are the classes of the logits; nil for all.
func (a answers) top(candidates []int) []Guess {
	best := topk.Of(a.logits, shown)
	found := make([]Guess, len(best))
	for i, at := range best {
		found[i] = Guess{Class: at, Probability: a.probability(at)}
		if candidates != nil {
			found[i].Class = candidates[at]
		}
	}
	return found
}

func (a answers) probability(at int) float64 {
	if a.function == classify.SigmoidFunction {
		return classify.Sigmoid(a.logits[at : at+1])[0]
	}
	return math.Exp(a.logits[at]-a.largest) / a.sum
}

// loss returns the cross entropy of a class: minus the natural logarithm of its softmax, as torch.nn.functional.cross_entropy computes it.
func (a answers) loss(at int) float64 { return max(0, math.Log(a.sum)-(a.logits[at]-a.largest)) }

// rank returns the place of a class, from 1: the first has the largest logit, and of equal ones the first class goes before.
func rank(logits []float64, class int) int {
	place := 1
	for i, v := range logits {
		if v > logits[class] || v == logits[class] && i < class {
			place++
		}
	}
	return place
}

// z95 is the 97.5 % quantile of the normal distribution: 95 % lie within this many standard errors.
const z95 = 1.959963984540054

// Interval is where a share lies with a certain probability.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Wilson returns the 95 % interval for the share of which good of all are an observation, by the score method of Wilson (1927), which also holds for shares near
// 0 and 1. Of nothing it is 0 to 1.
func Wilson(good, all int) Interval {
	if all <= 0 {
		return Interval{0, 1}
	}
	n, share := float64(all), float64(good)/float64(all)
	middle := (share + z95*z95/(2*n)) / (1 + z95*z95/n)
	half := z95 / (1 + z95*z95/n) * math.Sqrt(share*(1-share)/n+z95*z95/(4*n*n))
	return Interval{max(0, middle-half), min(1, middle+half)}
}

// exactSum adds numbers without rounding, so that the order in which they come does not matter: shards add up to the same sum as the whole. It holds
// numbers that do not overlap and whose sum is exact, smallest first (Shewchuk 1997, as in Python's math.fsum).
type exactSum []float64

func (s *exactSum) add(x float64) {
	kept := (*s)[:0]
	for _, y := range *s {
		if math.Abs(x) < math.Abs(y) {
			x, y = y, x
		}
		high := x + y
		if low := y - (high - x); low != 0 {
			kept = append(kept, low)
		}
		x = high
	}
	*s = append(kept, x)
}

// addAll adds what another sum has.
func (s *exactSum) addAll(other exactSum) {
	for _, x := range other {
		s.add(x)
	}
}

// value returns the sum, rounded once.
func (s exactSum) value() float64 {
	if len(s) == 0 {
		return 0
	}
	at := len(s) - 1
	high, low := s[at], 0.0
	for at > 0 && low == 0 {
		at--
		sum := high + s[at]
		low = s[at] - (sum - high)
		high = sum
	}
	// What is left decides which way a tie is rounded.
	if at > 0 && (low < 0 && s[at-1] < 0 || low > 0 && s[at-1] > 0) {
		if rounded := high + 2*low; 2*low == rounded-high {
			high = rounded
		}
	}
	return high
}
