package relation

import (
	"math"
	"slices"
)

// nearlyMoved is moved for values that agree only to within the tolerance, or after a product that rounds otherwise.
func nearlyMoved(a, b Tensor, o Options) *Relation {
	if !finite(a.Values) || !finite(b.Values) {
		return nil
	}
	for _, v := range nearVariants(a, b) {
		tolerance := o.Tolerance
		if len(v.steps) > 0 && v.steps[0].Kind == Scaled {
			tolerance += 0x1p-21 * amplitude(b.Values)
		}
		if tolerance == 0 || !sameSize(a.Values, b.Values, v.value, tolerance) {
			continue
		}
		if steps := nearOrder(v.of(a), b, o, tolerance); steps != nil {
			r := &Relation{Steps: append(steps, v.steps...)}
			if made, ok := r.Apply(a); ok {
				r.Distance = distance(made.Values, b.Values)
			}
			return r
		}
	}
	return nil
}

// nearVariants returns a as it is, negated, and scaled to the size of b.
func nearVariants(a, b Tensor) []variant {
	all := []variant{{nil, unchanged}, multiplied(-1, false)}
	sumA, sumB := 0.0, 0.0
	for i, v := range a.Values {
		sumA, sumB = sumA+v*v, sumB+b.Values[i]*b.Values[i]
	}
	factor := math.Sqrt(sumB / sumA)
	if sumA == 0 || sumB == 0 || math.Abs(factor-1) < leastFactor {
		return all
	}
	if near := simple(factor, 1e-6); len(near) > 0 {
		factor = near[0]
	}
	return append(all, multiplied(factor, false), multiplied(-factor, false))
}

// leastFactor is how far from 1 a factor must be for values that are in another order, too, to be tried with it.
const leastFactor = 1e-3

func amplitude(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		most = max(most, math.Abs(v))
	}
	return most
}

// sameSize reports whether two sets of values, of which one is changed, can be the same in another order: their sums, with and without
// signs, and sums of squares differ by what the tolerance allows.
func sameSize(a, b []float64, change func(float64) float64, tolerance float64) bool {
	sums, sizes, squares, size := 0.0, 0.0, 0.0, 0.0
	for i, v := range a {
		v, w := change(v), b[i]
		sums, sizes, squares, size = sums+v-w, sizes+math.Abs(v)-math.Abs(w), squares+v*v-w*w, size+math.Abs(w)
	}
	n := float64(len(a))
	return math.Abs(sums) <= n*tolerance && math.Abs(sizes) <= n*tolerance && math.Abs(squares) <= 2*tolerance*size+n*tolerance*tolerance
}

// nearOrder is order to within a tolerance: transposed and reshaped forms, flipped axes, and any permutation of one axis.
func nearOrder(a, b Tensor, o Options, tolerance float64) []Step {
	if steps := turned(a, b, o, func(a, b Tensor) []Step {
		if distance(a.Values, b.Values) <= tolerance {
			return []Step{}
		}
		return flipped(a, b, o, tolerance)
	}); steps != nil {
		return steps
	}
	return turned(a, b, o, func(a, b Tensor) []Step {
		for axis, n := range a.Shape {
			inner := inside(a.Shape, axis+1)
			var p []int
			switch {
			case n < 2:
			case len(a.Values) == n:
				p = sortedMatch(a.Values, b.Values, tolerance)
				if p == nil {
					p = rolledMatch(a.Values, b.Values, tolerance)
				}
			default:
				p = projectedMatch(a.Values, b.Values, n, inner, tolerance)
			}
			if p != nil && agrees(a.Values, b.Values, p, inner, tolerance) {
				return []Step{permutation(p, axis, axis+1, a.Shape, o)}
			}
		}
		return nil
	})
}

// flipped returns the steps that reverse some axes, if that leads from a to b.
func flipped(a, b Tensor, o Options, tolerance float64) []Step {
	if len(a.Shape) > mostAxes {
		return nil
	}
	for which := 1; which < 1<<len(a.Shape); which++ {
		form := a
		var steps []Step
		for axis, n := range a.Shape {
			if which>>axis&1 == 0 {
				continue
			}
			if n < 2 {
				steps = nil
				break
			}
			p := make([]int, n)
			for i := range p {
				p[i] = n - 1 - i
			}
			form = gather(form, axis, p)
			steps = append(steps, permutation(p, axis, axis+1, a.Shape, o))
		}
		if steps != nil && distance(form.Values, b.Values) <= tolerance {
			return steps
		}
	}
	return nil
}

// sortedMatch pairs values by their ranks. It is nil if too many values are so close to each other that any order would agree.
func sortedMatch(a, b []float64, tolerance float64) []int {
	byRank := func(values []float64) []int {
		all := make([]int, len(values))
		for i := range all {
			all[i] = i
		}
		slices.SortStableFunc(all, func(i, j int) int {
			switch {
			case values[i] < values[j]:
				return -1
			case values[i] > values[j]:
				return 1
			}
			return 0
		})
		return all
	}
	rankA, rankB := byRank(a), byRank(b)
	p, unsure := make([]int, len(a)), 0
	for i, at := range rankA {
		if i > 0 && a[at]-a[rankA[i-1]] <= 2*tolerance {
			unsure++
		}
		if !(math.Abs(a[at]-b[rankB[i]]) <= tolerance) {
			return nil
		}
		p[rankB[i]] = at
	}
	if 4*unsure > len(a) {
		return nil
	}
	return p
}

// mostRolled is the largest number of values for which every roll is tried.
const mostRolled = 1 << 13

// rolledMatch returns the reversal or roll that agrees, however close the values are to each other.
func rolledMatch(a, b []float64, tolerance float64) []int {
	n := len(a)
	if n > mostRolled {
		return nil
	}
	fits := func(from func(i int) int) []int {
		for i, w := range b {
			if !(math.Abs(a[from(i)]-w) <= tolerance) {
				return nil
			}
		}
		p := make([]int, n)
		for i := range p {
			p[i] = from(i)
		}
		return p
	}
	if p := fits(func(i int) int { return n - 1 - i }); p != nil {
		return p
	}
	for by := 1; by < n; by++ {
		if p := fits(func(i int) int { return (i + by) % n }); p != nil {
			return p
		}
	}
	return nil
}

// projectedMatch pairs slices by their products with one fixed vector, which are near each other if the slices are, and compares the few that are.
func projectedMatch(a, b []float64, n, inner int, tolerance float64) []int {
	m := len(a) / n
	weights := make([]float64, m)
	for i := range weights {
		weights[i] = float64(int64(mix(uint64(i)))) * 0x1p-63
	}
	project := func(values []float64) []float64 {
		sums := make([]float64, n)
		for at, v := range values {
			sums[at/inner%n] += v * weights[at/inner/n*inner+at%inner]
		}
		return sums
	}
	ofA, ofB := project(a), project(b)
	sorted := make([]int, n)
	for i := range sorted {
		sorted[i] = i
	}
	slices.SortFunc(sorted, func(i, j int) int {
		if ofA[i] < ofA[j] {
			return -1
		}
		return 1
	})
	reach := 4*tolerance*math.Sqrt(float64(m)) + 1e-12*amplitude(ofA)
	used, p := make([]bool, n), make([]int, n)
	budget := 64*len(a) + 1<<20
	for i := range p {
		first, _ := slices.BinarySearchFunc(sorted, ofB[i]-reach, func(at int, want float64) int {
			if ofA[at] < want {
				return -1
			}
			return 1
		})
		candidates := []int{i}
		for k := first; k < n && ofA[sorted[k]] <= ofB[i]+reach; k++ {
			candidates = append(candidates, sorted[k])
		}
		found := -1
		for _, from := range candidates {
			if used[from] || budget < 0 {
				continue
			}
			looked, ok := sliceAgrees(a, b, from, i, n, inner, tolerance)
			budget -= looked
			if ok {
				found = from
				break
			}
		}
		if found < 0 {
			return nil
		}
		used[found], p[i] = true, found
	}
	return p
}

// sliceAgrees reports whether slice i of b is slice from of a, and how many values it looked at.
func sliceAgrees(a, b []float64, from, i, n, inner int, tolerance float64) (looked int, ok bool) {
	for base := 0; base < len(a); base += n * inner {
		for k := range inner {
			looked++
			if !(math.Abs(a[base+from*inner+k]-b[base+i*inner+k]) <= tolerance) {
				return looked, false
			}
		}
	}
	return looked, true
}
