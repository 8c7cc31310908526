package relation

import (
	"math"
	"slices"
)

// permuted returns the permutations that lead from a to b, of one axis, of several axes at once, or of neighbouring axes taken as one; an empty list, not
// nil, stands for none that is needed. The values of a are those of b in another order, and the shapes are the same.
func permuted(a, b Tensor, o Options) []Step {
	if steps := permutedOne(a, b, 1, o); steps != nil {
		return steps
	}
	unnamed := permutedAll(a, b, o)
	if unnamed != nil && (&Relation{Steps: unnamed}).recognised() {
		return unnamed
	}
	for length := 2; length <= len(a.Shape); length++ {
		steps := permutedOne(a, b, length, o)
		if steps != nil && steps[0].Recognised {
			return steps
		}
		if unnamed == nil && length < len(a.Shape) {
			unnamed = steps
		}
	}
	return unnamed
}

// permutedOne returns the permutation of a number of neighbouring axes, taken as one.
func permutedOne(a, b Tensor, length int, o Options) []Step {
	for first := 0; first+length <= len(a.Shape); first++ {
		last := first + length
		n, inner := inside(a.Shape[:last], first), inside(a.Shape, last)
		if n < 2 || length > 1 && (a.Shape[first] == 1 || a.Shape[last-1] == 1 || n > mostTogether) {
			continue
		}
		if p := match(a.Values, b.Values, n, inner); p != nil && agrees(a.Values, b.Values, p, inner, 0) {
			return []Step{permutation(p, first, last, a.Shape, o)}
		}
	}
	return nil
}

// mostTogether is the largest number of slices of several axes taken as one.
const mostTogether = 1 << 20

// permutedAll returns permutations of two or more axes, solved for by the values that each slice has, in whatever order.
func permutedAll(a, b Tensor, o Options) []Step {
	var steps []Step
	form := a
	for axis, n := range a.Shape {
		if n < 2 {
			continue
		}
		inner := inside(a.Shape, axis+1)
		p := pair(contents(a.Values, n, inner), contents(b.Values, n, inner))
		if p == nil {
			return nil
		}
		if isIdentity(p) {
			continue
		}
		form = gather(form, axis, p)
		steps = append(steps, permutation(p, axis, axis+1, a.Shape, o))
	}
	if len(steps) < 2 || !equal(form.Values, b.Values) {
		return nil
	}
	return steps
}

func isIdentity(p []int) bool {
	for i, from := range p {
		if i != from {
			return false
		}
	}
	return true
}

// mix returns a hash of 64 bits (the finalizer of SplitMix64, public domain).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// bits returns a key of a value: zeros of both signs have the same, and so have all NaNs.
func bits(v float64) uint64 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return 1
	}
	return math.Float64bits(v)
}

func hashSum(values []float64) uint64 {
	sum := uint64(0)
	for _, v := range values {
		sum += mix(bits(v))
	}
	return sum
}

// contents returns a hash for each of n slices, of its values in any order.
func contents(values []float64, n, inner int) []uint64 {
	sums := make([]uint64, n)
	for at := 0; at < len(values); at += inner {
		sums[at/inner%n] += hashSum(values[at : at+inner])
	}
	return sums
}

// match returns for each of n slices of b the slice of a with the same values in the same order, by hashes; nil if they do not pair up.
func match(a, b []float64, n, inner int) []int {
	ordered := func(values []float64) []uint64 {
		sums := make([]uint64, n)
		for at, v := range values {
			outer := at / inner / n
			place := uint64(outer*inner + at%inner)
			sums[at/inner%n] += mix(bits(v) ^ place*0xd6e8feb86659fd93)
		}
		return sums
	}
	return pair(ordered(a), ordered(b))
}

// pair returns for each entry of b the index of an equal entry of a, each once; the same index if possible. It is nil if the entries do not pair up.
func pair(a, b []uint64) []int {
	sortedA, sortedB := sortedBy(a), sortedBy(b)
	for i, at := range sortedA {
		if a[at] != b[sortedB[i]] {
			return nil
		}
	}
	p := make([]int, len(a))
	for from := 0; from < len(a); {
		to := from + 1
		for to < len(a) && a[sortedA[to]] == a[sortedA[from]] {
			to++
		}
		assign(p, sortedA[from:to], sortedB[from:to])
		from = to
	}
	return p
}

// assign pairs interchangeable entries: those at the same index with each other, the rest in order. Both lists are sorted.
func assign(p, fromA, toB []int) {
	if len(fromA) == 1 {
		p[toB[0]] = fromA[0]
		return
	}
	var restA, restB []int
	for _, i := range fromA {
		if _, both := slices.BinarySearch(toB, i); both {
			p[i] = i
		} else {
			restA = append(restA, i)
		}
	}
	for _, i := range toB {
		if _, both := slices.BinarySearch(fromA, i); !both {
			restB = append(restB, i)
		}
	}
	for k, i := range restB {
		p[i] = restA[k]
	}
}

func sortedBy(keys []uint64) []int {
	all := make([]int, len(keys))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(i, j int) int {
		switch {
		case keys[i] < keys[j]:
			return -1
		case keys[i] > keys[j]:
			return 1
		}
		return 0
	})
	return all
}

// agrees reports whether slice i of b is slice p[i] of a, to within a tolerance.
func agrees(a, b []float64, p []int, inner int, tolerance float64) bool {
	n := len(p)
	for at := 0; at < len(b); at += inner {
		i := at / inner % n
		from := at + (p[i]-i)*inner
		for k := range inner {
			if v, w := a[from+k], b[at+k]; !same(v, w) && !(math.Abs(v-w) <= tolerance) {
				return false
			}
		}
	}
	return true
}
