package relation

import (
	"math"
	"slices"
)

// The relations in this file are computed, so values agree only to rounding. Each is first guessed from a few values, so that most pairs are refused
// early, then fitted to all, and then made simple: 8, not 7.9999998.

// arithmetic is the relative rounding error that a product or sum in F32 may have, with some to spare.
const arithmetic = 0x1p-22

// enough is how many values must agree for a factor to be more than a coincidence.
const enough = 3

// enoughRounded is how many must be there if they were rounded to a half precision.
const enoughRounded = 12

// slack is how much a computed value may differ.
type slack struct{ relative, absolute float64 }

// slacks returns the tolerances to try, finest first: that of F32, and that of the coarsest dtype that holds b; and what that rounding is as a step.
func slacks(b Tensor, o Options) ([]slack, []Step) {
	all := []slack{{arithmetic, o.Tolerance}}
	for _, g := range grains[:2] {
		if len(b.Values) >= enoughRounded && g.holds(b.Values) {
			return append(all, slack{g.relative * 1.01, max(g.absolute, o.Tolerance)}), []Step{{Kind: Rounded, DType: g.dtype}}
		}
	}
	return all, nil
}

// fitted returns the relation of kind if predict, with the best of the given parameters, agrees with b.
func fitted(b Tensor, o Options, steps func(slack) (step Step, size func(i int) float64, ok bool), predict func(s Step, i int) float64) *Relation {
	all, rounding := slacks(b, o)
	for k, tolerance := range all {
		step, size, ok := steps(tolerance)
		if !ok {
			continue
		}
		worst := 0.0
		for i, want := range b.Values {
			made := predict(step, i)
			if !(math.Abs(made-want) <= tolerance.absolute+tolerance.relative*size(i)) {
				ok = false
				break
			}
			if k > 0 {
				made = rounding[0].change(b)(i, made)
			}
			worst = max(worst, math.Abs(made-want))
		}
		if !ok {
			continue
		}
		r := &Relation{Steps: []Step{step}, Distance: worst}
		if k > 0 {
			r.Steps = append(r.Steps, rounding...)
		}
		return r
	}
	return nil
}

// scaled returns the relation of a tensor that was multiplied by a number.
func scaled(a, b Tensor, o Options) *Relation {
	top, count := largest(a.Values)
	if top < 0 || count < enough || !finite(b.Values) {
		return nil
	}
	guess := b.Values[top] / a.Values[top]
	if guess == 0 {
		return nil
	}
	product := func(s Step, i int) float64 { return s.Factor * a.Values[i] }
	return fitted(b, o, func(t slack) (Step, func(int) float64, bool) {
		size := func(i int) float64 { return math.Abs(guess * a.Values[i]) }
		if math.Abs(guess-1) <= 2*t.relative || !plausible(a, b, t, func(v float64) (float64, float64) { return guess * v, math.Abs(guess * v) }) {
			return Step{}, nil, false
		}
		sumAA, sumAB := 0.0, 0.0
		for i, v := range a.Values {
			sumAA, sumAB = sumAA+v*v, sumAB+v*b.Values[i]
		}
		step := Step{Kind: Scaled, Factor: sumAB / sumAA}
		for _, nice := range simple(step.Factor, t.relative+t.absolute/math.Abs(guess*a.Values[top])) {
			if simpler := (Step{Kind: Scaled, Factor: nice}); within(a, b, t, simpler, product, size) {
				step = simpler
				break
			}
		}
		if step.Factor == -1 {
			step.Kind = Negated
		}
		return step, size, true
	}, product)
}

// within reports whether a step agrees.
func within(a, b Tensor, t slack, s Step, predict func(Step, int) float64, size func(int) float64) bool {
	for i := range a.Values {
		if !(math.Abs(predict(s, i)-b.Values[i]) <= t.absolute+t.relative*size(i)) {
			return false
		}
	}
	return true
}

// plausible reports whether a first guess comes near, with four times the tolerance.
func plausible(a, b Tensor, t slack, predict func(v float64) (value, size float64)) bool {
	for i, v := range a.Values {
		value, size := predict(v)
		if !(math.Abs(value-b.Values[i]) <= 4*(t.absolute+t.relative*size)) {
			return false
		}
	}
	return true
}

// shifted returns the relation of a tensor to which a number was added.
func shifted(a, b Tensor, o Options) *Relation {
	if len(a.Values) < enough || constant(a, o) != nil || !finite(a.Values) || !finite(b.Values) {
		return nil
	}
	guess := b.Values[0] - a.Values[0]
	biggest := 0.0
	for i, v := range a.Values {
		biggest = max(biggest, math.Abs(v), math.Abs(b.Values[i]))
	}
	if math.Abs(guess) <= 8*arithmetic*biggest {
		return nil
	}
	sum := func(s Step, i int) float64 { return a.Values[i] + s.Offset }
	return fitted(b, o, func(t slack) (Step, func(int) float64, bool) {
		size := func(int) float64 { return biggest }
		if !plausible(a, b, t, func(v float64) (float64, float64) { return v + guess, biggest }) {
			return Step{}, nil, false
		}
		mean := 0.0
		for i, v := range a.Values {
			mean += (b.Values[i] - v) / float64(len(a.Values))
		}
		step := Step{Kind: Shifted, Offset: mean}
		for _, nice := range simple(mean, (t.relative*biggest+t.absolute)/math.Abs(mean)) {
			if simpler := (Step{Kind: Shifted, Offset: nice}); within(a, b, t, simpler, sum, size) {
				step = simpler
				break
			}
		}
		return step, size, true
	}, sum)
}

// affine returns the relation of a tensor that was multiplied by a number to which another was added.
func affine(a, b Tensor, o Options) *Relation {
	if len(a.Values) < 2*enough || constant(a, o) != nil || !finite(a.Values) || !finite(b.Values) {
		return nil
	}
	low, high, biggest := 0, 0, 0.0
	for i, v := range a.Values {
		if v < a.Values[low] {
			low = i
		}
		if v > a.Values[high] {
			high = i
		}
		biggest = max(biggest, math.Abs(b.Values[i]))
	}
	factor := (b.Values[high] - b.Values[low]) / (a.Values[high] - a.Values[low])
	offset := b.Values[low] - factor*a.Values[low]
	biggest = max(biggest, math.Abs(offset), math.Abs(factor*a.Values[high]))
	if spread(a.Values) < 2*enough || math.Abs(b.Values[high]-b.Values[low]) <= 8*(arithmetic*biggest+o.Tolerance) {
		return nil
	}
	return fitted(b, o, func(t slack) (Step, func(int) float64, bool) {
		ok := plausible(a, b, t, func(v float64) (float64, float64) { return factor*v + offset, biggest })
		step := Step{Kind: Affine, Factor: simplest(factor, 4*t.relative*math.Abs(factor)), Offset: simplest(offset, 4*t.relative*biggest)}
		return step, func(int) float64 { return 4 * biggest }, ok
	}, func(s Step, i int) float64 { return s.Factor*a.Values[i] + s.Offset })
}

// spread counts different values, up to some.
func spread(values []float64) int {
	var seen []float64
	for _, v := range values {
		if !slices.Contains(seen, v) {
			if seen = append(seen, v); len(seen) >= 2*enough {
				break
			}
		}
	}
	return len(seen)
}

// scaledEach returns the relation of a tensor whose slices along an axis were multiplied by a factor each.
func scaledEach(a, b Tensor, axis int, o Options) *Relation {
	n, inner := a.Shape[axis], inside(a.Shape, axis+1)
	if n < 2 || len(a.Values)/n < 2*enough || !finite(a.Values) || !finite(b.Values) {
		return nil
	}
	// The guess is that of the largest value of each slice.
	tops := make([]int, n)
	for i := range tops {
		tops[i] = -1
	}
	for k, v := range a.Values {
		if i := k / inner % n; tops[i] < 0 || math.Abs(v) > math.Abs(a.Values[tops[i]]) {
			tops[i] = k
		}
	}
	factors := make([]float64, n)
	for i, top := range tops {
		if a.Values[top] != 0 {
			factors[i] = b.Values[top] / a.Values[top]
		}
	}
	step := Step{Kind: ScaledEach, Axes: []int{axis}, Factors: factors, Name: o.axis(axis, a.Shape).Name}
	return fitted(b, o, func(t slack) (Step, func(int) float64, bool) {
		return step, func(i int) float64 { return 2 * math.Abs(b.Values[i]) }, true
	}, func(s Step, i int) float64 { return factors[i/inner%n] * a.Values[i] })
}

// largest returns the index of the largest absolute value, and how many values are not zero; -1 if there is none, or one is not finite.
func largest(values []float64) (at, count int) {
	at = -1
	for i, v := range values {
		if v != v || math.IsInf(v, 0) {
			return -1, 0
		}
		if v == 0 {
			continue
		}
		count++
		if at < 0 || math.Abs(v) > math.Abs(values[at]) {
			at = i
		}
	}
	return at, count
}

func finite(values []float64) bool {
	for _, v := range values {
		if v-v != 0 { // NaN, for infinities too
			return false
		}
	}
	return true
}

// mostRoot is the largest number whose square root is a number that people choose.
const mostRoot = 4096

// simple returns numbers that people choose, such as 8, 1/64 or the square root of 768, that are within a relative distance of v; likeliest first.
func simple(v, relative float64) []float64 {
	relative = min(max(relative, 0x1p-22), 0.01)
	size := math.Abs(v)
	candidates := []float64{math.Round(size), 1 / math.Round(1/size), math.Exp2(math.Round(math.Log2(size)))}
	for digits := 1; digits <= 3; digits++ {
		unit := math.Pow(10, math.Floor(math.Log10(size))-float64(digits-1))
		if unit < 1 {
			candidates = append(candidates, math.Round(size/unit)/math.Round(1/unit))
		}
	}
	if square := size * size; square <= mostRoot && square >= 1./mostRoot {
		candidates = append(candidates, math.Sqrt(math.Round(square)), 1/math.Sqrt(math.Round(1/square)))
	}
	var found []float64
	for _, c := range candidates {
		if math.Abs(c-size) <= relative*size && c < 1<<20 && c > 0x1p-40 {
			found = append(found, math.Copysign(c, v))
		}
	}
	return found
}

// simplest returns a number that people choose, if one is within an absolute distance of v, or else v.
func simplest(v, absolute float64) float64 {
	if math.Abs(v) <= absolute {
		return 0
	}
	if found := simple(v, absolute/math.Abs(v)); absolute > 0 && len(found) > 0 && math.Abs(found[0]-v) <= absolute {
		return found[0]
	}
	return v
}
