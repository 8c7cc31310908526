package preprocess

import (
	"math"

	"github.com/beitzoo/beitzoo/beit/card"
)

// filter is a symmetric kernel that vanishes beyond support.
type filter struct {
	support float64
	weight  func(x float64) float64
}

var filters = map[card.Interpolation]filter{
	card.Bilinear: {support: 1, weight: triangle},
	card.Bicubic:  {support: 2, weight: cubic},
}

func triangle(x float64) float64 {
	return max(0, 1-math.Abs(x))
}

// cubicA is the free parameter of Keys' cubic convolution (IEEE ASSP 29(6), 1981). Pillow has -1/2;
// OpenCV and torch's resize of tensors have -3/4.
const cubicA = -0.5

// cubic evaluates Keys' polynomials by Horner's scheme, in Pillow's order. The conversions to float64 forbid
// fused multiply-add, which would round differently on some processors.
func cubic(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		t := float64((cubicA+2)*x) - (cubicA + 3)
		return float64(float64(t*x)*x) + 1
	case x < 2:
		t := float64((x-5)*x) + 8
		return float64(float64(t*x)-4) * cubicA
	default:
		return 0
	}
}

// precision is the number of fraction bits of a fixed-point weight: 8 bits are for the sample
// and 2 for the sign and for the overshoot of negative lobes, so that a sum fits in 32.
const precision = 32 - 8 - 2

// taps are the weights of one output sample: it is the weighted sum of len(weights) inputs from index first on.
type taps struct {
	first   int
	weights []int32 // fixed point, precision fraction bits
}

// tapsFor returns the taps of the wanted output samples of an axis that is resized from in to out samples.
func tapsFor(f filter, in, out int, wanted span) []taps {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1) // antialiasing: a shrinking image widens the filter
	support := f.support * stretch
	all := make([]taps, 0, wanted.len())
	weights := make([]float64, 0, 2*int(math.Ceil(support))+1)
	for i := wanted.first; i < wanted.last; i++ {
		centre := float64((float64(i) + 0.5) * scale)
		first := max(0, int(centre-support+0.5))
		last := min(in, int(centre+support+0.5))
		weights = weights[:0]
		for x := first; x < last; x++ {
			weights = append(weights, f.weight((float64(x)-centre+0.5)*(1/stretch)))
		}
		all = append(all, taps{first: first, weights: fixedPoint(weights)})
	}
	return all
}

// fixedPoint scales weights to sum to one and rounds each, halves away from zero.
func fixedPoint(weights []float64) []int32 {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	fixed := make([]int32, len(weights))
	for i, w := range weights {
		if sum != 0 {
			w /= sum
		}
		fixed[i] = int32(math.Copysign(0.5, w) + float64(w*(1<<precision)))
	}
	return fixed
}
