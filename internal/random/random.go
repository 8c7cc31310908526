// Package random draws numbers that are functions of a seed and a place, such as an epoch and the number of a picture. Whoever draws for the same place gets the
// same numbers, whatever was drawn before and by how many goroutines. All but those of the normal, gamma and beta distributions are the same on any machine;
// these depend on how the processor rounds products and sums, and on the standard library's functions for it.
//
//	r := random.New(seed, epoch, index)
//	flipped := r.Float64() < 0.5
package random

import (
	"math"
	"math/bits"
)

// Golden is 2^64 divided by the golden ratio, the increment of splitmix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number
// generators", 2014).
const Golden = 0x9E3779B97F4A7C15

// Mix is the output function of splitmix64.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Stream is a sequence of random numbers: splitmix64 from a state that seed and place decide. It must not be used from several goroutines at once.
type Stream struct{ state uint64 }

// New returns the stream for a seed and a place. Places of different lengths, or with a different number anywhere, have streams that have nothing to do with
// each other.
func New(seed uint64, place ...uint64) *Stream {
	state := Mix(seed + Golden)
	for _, number := range place {
		state = Mix(state+Golden) ^ Mix(number+Golden)
	}
	return &Stream{Mix(state + uint64(len(place))*Golden)}
}

// Uint64 returns 64 random bits.
func (s *Stream) Uint64() uint64 {
	s.state += Golden
	return Mix(s.state)
}

// Float64 returns a number in [0, 1), a multiple of 2^-53.
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// Between returns a number in [low, high), or low if they are equal.
func (s *Stream) Between(low, high float64) float64 {
	return low + float64((high-low)*s.Float64()) // rounded before it is added, on every processor
}

// Below returns a number in [0, n), each as likely as any other. It panics if n is not positive.
// The method is that of D. Lemire, "Fast random integer generation in an interval", 2019.
func (s *Stream) Below(n int) int {
	if n <= 0 {
		panic("random: there is no number below 1")
	}
	bound := uint64(n)
	high, low := bits.Mul64(s.Uint64(), bound)
	for threshold := -bound % bound; low < threshold; {
		high, low = bits.Mul64(s.Uint64(), bound)
	}
	return int(high)
}

// Normal returns a number of the normal distribution around 0 with a deviation of 1: the inverse of its distribution function, of the middle of one of 2^52
// equal parts of its range. None is farther from 0 than 9.
func (s *Stream) Normal() float64 {
	u := (float64(s.Uint64()>>12)+0.5)/(1<<51) - 1
	return math.Sqrt2 * math.Erfinv(u)
}

// Gamma returns a number of the gamma distribution of a shape above 0, with a scale of 1. The method is that of G. Marsaglia and W. W. Tsang, "A simple method
// for generating gamma variables", 2000, with their step for shapes below 1.
func (s *Stream) Gamma(shape float64) float64 {
	if !(shape > 0) {
		panic("random: the shape of a gamma distribution is above 0")
	}
	if shape < 1 {
		u := 1 - s.Float64() // never 0
		return s.Gamma(shape+1) * math.Pow(u, 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := s.Normal()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if u := 1 - s.Float64(); math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// Beta returns a number of the beta distribution, in [0, 1].
func (s *Stream) Beta(a, b float64) float64 {
	x := s.Gamma(a)
	y := s.Gamma(b)
	if x+y == 0 { // both below the smallest number: shapes near 0, where either end is as likely as its shape
		if s.Float64() < a/(a+b) {
			return 1
		}
		return 0
	}
	return x / (x + y)
}

// Permutation returns the numbers below n in a random order.
func (s *Stream) Permutation(n int) []int {
	order := make([]int, n)
	for i := range order {
		j := s.Below(i + 1)
		order[i], order[j] = order[j], i
	}
	return order
}
