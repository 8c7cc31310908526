package random_test

import (
	"math"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/internal/random"
)

// TestMix_IsSplitmix has the first numbers of splitmix64 from 1234567, which Rosetta Code ("Pseudo-random numbers/Splitmix64") lists.
func TestMix_IsSplitmix(t *testing.T) {
	t.Parallel()
	state := uint64(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		state += random.Golden
		if got := random.Mix(state); got != want {
			t.Errorf("number %d is %d, want %d", i, got, want)
		}
	}
}

func TestNew_PlacesAreApart(t *testing.T) {
	t.Parallel()
	seen := map[uint64][]uint64{}
	for _, place := range [][]uint64{nil, {0}, {1}, {0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 0, 0}, {2}, {1 << 63}} {
		for seed := range uint64(4) {
			first := random.New(seed, place...).Uint64()
			if other, twice := seen[first]; twice {
				t.Errorf("seed %d, place %v begins as %v does", seed, place, other)
			}
			seen[first] = append([]uint64{seed}, place...)
			if again := random.New(seed, place...).Uint64(); again != first {
				t.Errorf("seed %d, place %v: %d, then %d", seed, place, first, again)
			}
		}
	}
}

// TestStream_Moments compares means and variances with those of the distributions. 4.5 standard errors are exceeded once in 150,000 times, and the seed is fixed.
func TestStream_Moments(t *testing.T) {
	t.Parallel()
	const n = 200000
	for _, c := range []struct {
		name           string
		draw           func(*random.Stream) float64
		mean, variance float64
	}{
		{"Float64", (*random.Stream).Float64, 0.5, 1.0 / 12},
		{"Between", func(s *random.Stream) float64 { return s.Between(-2, 4) }, 1, 3},
		{"Below", func(s *random.Stream) float64 { return float64(s.Below(7)) }, 3, 4},
		{"Normal", (*random.Stream).Normal, 0, 1},
		{"Gamma 2.5", func(s *random.Stream) float64 { return s.Gamma(2.5) }, 2.5, 2.5},
		{"Gamma 0.8", func(s *random.Stream) float64 { return s.Gamma(0.8) }, 0.8, 0.8},
		{"Beta 0.8", func(s *random.Stream) float64 { return s.Beta(0.8, 0.8) }, 0.5, 0.25 / 2.6},
		{"Beta 1 3", func(s *random.Stream) float64 { return s.Beta(1, 3) }, 0.25, 3.0 / (16 * 5)},
	} {
		s := random.New(11, 3)
		sum, squares := 0.0, 0.0
		for range n {
			v := c.draw(s) - c.mean
			sum, squares = sum+v, squares+v*v
		}
		if off := sum / n; math.Abs(off) > 4.5*math.Sqrt(c.variance/n) {
			t.Errorf("%s: the mean is off by %g", c.name, off)
		}
		if ratio := squares / n / c.variance; math.Abs(ratio-1) > 0.03 {
			t.Errorf("%s: the variance is %g times that of the distribution", c.name, ratio)
		}
	}
}

func TestPermutation(t *testing.T) {
	t.Parallel()
	first := map[int]int{}
	for seed := range uint64(6000) {
		order := random.New(seed).Permutation(6)
		first[order[0]]++
		slices.Sort(order)
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5}) {
			t.Fatalf("seed %d: %v", seed, order)
		}
	}
	for i := range 6 {
		if count := first[i]; count < 870 || count > 1130 { // 1000, and 4.5 deviations
			t.Errorf("%d comes first %d times in 6000", i, count)
		}
	}
}
