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
	card.Lanczos:  {support: 3, weight: lanczos},
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

// lanczos evaluates the sinc function, windowed by one of three times its width.
func lanczos(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// pillowPrecision is the number of fraction bits of Pillow's fixed-point weights: 8 bits are for the sample and 2 for the sign and for the overshoot of
// negative lobes, so that a sum fits in 32.
const pillowPrecision = 32 - 8 - 2

// tensorPrecision returns that of torchvision's, of which the largest must fit in 16 bits (pytorch/pytorch aten/src/ATen/native/cpu/UpSampleKernel.cpp).
func tensorPrecision(all []taps) uint {
	largest := 0.0
	for _, t := range all {
		for _, w := range t.exact {
			largest = max(largest, w)
		}
	}
	var bits uint
	for bits < pillowPrecision && int(0.5+largest*float64(int(1)<<(bits+1))) < 1<<15 {
		bits++
	}
	return bits
}

// taps are the weights of one output sample: it is the weighted sum of len(weights) inputs from index first on.
type taps struct {
	first   int
	exact   []float64
	weights []int32 // fixed point
}

// tapsFor returns the taps of the wanted output samples of an axis that is resized from in to out samples, without their fixed-point weights.
func tapsFor(f filter, in, out int, wanted span) []taps {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1) // antialiasing: a shrinking image widens the filter
	support := f.support * stretch
	all := make([]taps, 0, wanted.len())
	weights := make([]float64, 0, wanted.len()*(2*int(math.Ceil(support))+1))
	for i := wanted.first; i < wanted.last; i++ {
		centre := float64((float64(i) + 0.5) * scale)
		first := max(0, int(centre-support+0.5))
		last := min(in, int(centre+support+0.5))
		from, sum := len(weights), 0.0
		for x := first; x < last; x++ {
			w := f.weight((float64(x) - centre + 0.5) * (1 / stretch))
			weights, sum = append(weights, w), sum+w
		}
		all = append(all, taps{first: first, exact: scaled(weights[from:len(weights):len(weights)], sum)})
	}
	return all
}

// scaled divides weights by their sum.
func scaled(weights []float64, sum float64) []float64 {
	if sum != 0 {
		for i := range weights {
			weights[i] /= sum
		}
	}
	return weights
}

// fixedPoint rounds the weights to so many fraction bits, halves away from zero.
func fixedPoint(all []taps, precision uint) {
	for i := range all {
		all[i].weights = make([]int32, len(all[i].exact))
		for j, w := range all[i].exact {
			all[i].weights[j] = int32(math.Copysign(0.5, w) + float64(w*float64(int(1)<<precision)))
		}
	}
}
