package relation

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/tensor"
)

// moved returns the relation of a tensor that has the values of a, or those values negated, rounded or scaled, in another order. Equal sums of hashes show
// cheaply that values can be the same at all.
func moved(a, b Tensor, o Options) *Relation {
	if len(a.Values) < 2 || spread(b.Values) < 2 {
		return nil
	}
	want := hashSum(b.Values)
	for _, v := range variants(a, b) {
		if v.hashSum(a.Values) != want {
			continue
		}
		if steps := order(v.of(a), b, o); steps != nil {
			if len(v.steps) > 0 && len(steps) > 0 && steps[len(steps)-1].Kind == Reordered {
				continue
			}
			return &Relation{Steps: append(steps, v.steps...)}
		}
	}
	return nearlyMoved(a, b, o)
}

// variant is a change to values, and the steps that it is.
type variant struct {
	steps []Step
	value func(float64) float64
}

// of returns the changed tensor.
func (v variant) of(t Tensor) Tensor {
	if len(v.steps) == 0 {
		return t
	}
	values := make([]float64, len(t.Values))
	for i, w := range t.Values {
		values[i] = v.value(w)
	}
	return Tensor{values, t.Shape}
}

func (v variant) hashSum(values []float64) uint64 {
	sum := uint64(0)
	for _, w := range values {
		sum += mix(bits(v.value(w)))
	}
	return sum
}

func unchanged(v float64) float64 { return v }

// variants returns what the values of a may have become in b: as they are, negated, rounded or scaled.
func variants(a, b Tensor) []variant {
	all := []variant{{nil, unchanged}, multiplied(-1, false)}
	sumA, sumB := 0.0, 0.0
	for i, v := range a.Values {
		sumA, sumB = sumA+math.Abs(v), sumB+math.Abs(b.Values[i])
	}
	if factor := sumB / sumA; math.Abs(factor-1) > arithmetic && !math.IsInf(factor, 0) && factor > 0 {
		single := grains[2].holds(a.Values)
		for _, f := range simple(factor, 1e-6) {
			all = append(all, multiplied(f, single), multiplied(-f, single))
			if rounded := float64(float32(f)); single && rounded != f {
				all = append(all, multiplied(rounded, single), multiplied(-rounded, single))
			}
		}
	}
	for _, g := range coarser(a, b) {
		all = append(all, variant{[]Step{{Kind: Rounded, DType: g.dtype}}, g.round})
	}
	return all
}

// multiplied returns the variant of a product, which a program with single precision rounds.
func multiplied(f float64, single bool) variant {
	switch {
	case f == -1:
		return variant{[]Step{{Kind: Negated, Factor: f}}, func(v float64) float64 { return -v }}
	case single:
		return variant{[]Step{{Kind: Scaled, Factor: f}}, func(v float64) float64 { return float64(float32(f * v)) }}
	}
	return variant{[]Step{{Kind: Scaled, Factor: f}}, func(v float64) float64 { return f * v }}
}

// order returns the steps that bring the values of a, which are those of b as a multiset, into the order of b.
func order(a, b Tensor, o Options) []Step {
	if a.Shape.Equal(b.Shape) {
		if equal(a.Values, b.Values) {
			return []Step{}
		}
		if steps := permutedOne(a, b, 1, o); steps != nil {
			return steps
		}
	}
	if steps := turned(a, b, o, func(a, b Tensor) []Step {
		if equal(a.Values, b.Values) {
			return []Step{}
		}
		return nil
	}); steps != nil {
		return steps
	}
	for _, named := range []bool{true, false} {
		steps := turned(a, b, o, func(a, b Tensor) []Step {
			found := permuted(a, b, o)
			if named && !(&Relation{Steps: found}).recognised() {
				return nil
			}
			return found
		})
		if steps != nil {
			return steps
		}
	}
	return []Step{{Kind: Reordered}}
}

// turned calls then with every transposed or reshaped form of a that has the shape of b, the untouched one first, until it returns steps.
func turned(a, b Tensor, o Options, then func(a, b Tensor) []Step) []Step {
	if a.Shape.Equal(b.Shape) {
		if steps := then(a, b); steps != nil {
			return steps
		}
	}
	for _, axes := range orders(len(a.Shape)) {
		if form, ok := transpose(a, axes); ok && form.Shape.Equal(b.Shape) {
			if steps := then(form, b); steps != nil {
				return append([]Step{{Kind: Transposed, Axes: axes, Name: transposition(axes, a.Shape, o)}}, steps...)
			}
		}
	}
	if !a.Shape.Equal(b.Shape) {
		if steps := then(Tensor{a.Values, b.Shape}, b); steps != nil {
			return append([]Step{{Kind: Reshaped, Shape: b.Shape}}, steps...)
		}
	}
	for _, split := range splits(a.Shape) {
		if steps := then(Tensor{reread(a.Values, split), b.Shape}, b); steps != nil {
			return append([]Step{{Kind: Reshaped, Split: split, Shape: b.Shape}}, steps...)
		}
	}
	return nil
}

// mostAxes is the largest number of axes whose orders are tried.
const mostAxes = 4

// orders returns the orders of rank axes, but for the sorted one; none for high ranks.
func orders(rank int) [][]int {
	if rank > mostAxes {
		return nil
	}
	var all [][]int
	var extend func(chosen []int)
	extend = func(chosen []int) {
		if len(chosen) == rank {
			if !slices.IsSorted(chosen) {
				all = append(all, slices.Clone(chosen))
			}
			return
		}
		for axis := range rank {
			if !slices.Contains(chosen, axis) {
				extend(append(slices.Clone(chosen), axis))
			}
		}
	}
	extend(nil)
	return all
}

// transpose returns t with axis i of the result being axis axes[i]. It returns false if that only moves axes with one slice.
func transpose(t Tensor, axes []int) (Tensor, bool) {
	shape, strides := make(tensor.Shape, len(axes)), make([]int, len(axes))
	var long []int
	for i, axis := range axes {
		shape[i], strides[i] = t.Shape[axis], inside(t.Shape, axis+1)
		if shape[i] > 1 {
			long = append(long, axis)
		}
	}
	if slices.IsSorted(long) {
		return Tensor{}, false
	}
	out := make([]float64, 0, len(t.Values))
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(shape)-1 {
			for i := range shape[axis] {
				out = append(out, t.Values[at+i*strides[axis]])
			}
			return
		}
		for i := range shape[axis] {
			walk(axis+1, at+i*strides[axis])
		}
	}
	walk(0, 0)
	return Tensor{out, shape}, true
}

// transposition returns what a transpose is called.
func transposition(axes []int, shape tensor.Shape, o Options) string {
	if len(axes) == 2 {
		return "transposed"
	}
	var away []int
	for i, axis := range axes {
		if i != axis {
			away = append(away, i)
		}
	}
	if len(away) == 2 {
		return fmt.Sprintf("with %s and %s exchanged", plural(o.axis(away[0], shape).Name), plural(o.axis(away[1], shape).Name))
	}
	return "with its axes in the order " + index(axes)
}

// splits returns the lengths of rows for which a tensor may have been taken for a matrix and reshaped instead of transposed.
func splits(shape tensor.Shape) []int {
	var all []int
	total := inside(shape, 0)
	for i := range shape {
		for _, n := range []int{inside(shape, i), total / max(1, inside(shape, i))} {
			if n > 1 && n < total && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// reread returns the elements of the transpose of a matrix with the given number of rows.
func reread(values []float64, rows int) []float64 {
	columns := len(values) / rows
	out := make([]float64, len(values))
	for i := range rows {
		for j := range columns {
			out[j*rows+i] = values[i*columns+j]
		}
	}
	return out
}

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

// permutation returns the step that permutes the axes from first to before last, taken as one.
func permutation(p []int, first, last int, shape tensor.Shape, o Options) Step {
	step := Step{Kind: Permuted, Permutation: p}
	joint := Axis{Rest: 0}
	for axis := first; axis < last; axis++ {
		step.Axes = append(step.Axes, axis)
		known := o.axis(axis, shape)
		if last-first == 1 {
			joint = known
			break
		}
		if known.Rest == 0 && len(known.Factors) > 0 {
			joint.Factors = append(joint.Factors, known.Factors...)
		} else {
			joint.Factors = append(joint.Factors, Factor{Name: known.Name, Size: shape[axis]})
		}
	}
	if last-first > 1 {
		joint.Name = fmt.Sprintf("slice of axes %d to %d", first, last-1)
		if last-first == len(shape) {
			joint.Name = "value"
		}
	}
	step.Name, step.Recognised = joint.name(p)
	return step
}

// name returns what a permutation of the axis is called, and whether that says everything.
func (a Axis) name(p []int) (string, bool) {
	many := plural(a.Name)
	if words := shape(p); words != "" {
		return many + " " + words, true
	}
	if words, whole := a.separately(p); words != "" {
		return words, whole
	}
	if words := a.regrouped(p); words != "" {
		return words, true
	}
	if len(p) <= mostShown {
		return many + " in the order " + list(p, nil), true
	}
	return many + " in another order", false
}

// shape returns the words for a permutation that needs no knowledge of the axis: "reversed", "rolled by 3", "3 and 7 exchanged".
func shape(p []int) string {
	n := len(p)
	reversed, rolled := true, true
	var away []int
	for i, from := range p {
		reversed = reversed && from == n-1-i
		rolled = rolled && from == (i+p[0])%n
		if from != i {
			away = append(away, i)
		}
	}
	switch {
	case reversed:
		return "reversed"
	case len(away) == 2:
		return fmt.Sprintf("%d and %d exchanged", away[0], away[1])
	case rolled:
		by := n - p[0]
		if by > n/2 {
			by -= n
		}
		return fmt.Sprintf("rolled by %d", by)
	}
	return ""
}

// separately returns the words for a permutation that permutes factors of the index, each by itself, and the rest; and whether they say everything.
func (a Axis) separately(p []int) (words string, whole bool) {
	each, ok := a.split(p)
	if !ok {
		return "", false
	}
	whole = true
	var parts []string
	for f, own := range each {
		if isIdentity(own) {
			continue
		}
		if how := shape(own); how != "" && len(a.Factors[f].Labels) == 0 {
			parts = append(parts, plural(a.Factors[f].Name)+" "+how)
			continue
		}
		parts = append(parts, plural(a.Factors[f].Name)+" in the order "+list(own, a.Factors[f].Labels))
		whole = whole && len(own) <= mostShown
	}
	n := a.product()
	rest := make([]int, a.Rest)
	for i, from := range p[n:] {
		rest[i] = from - n
	}
	if !isIdentity(rest) {
		parts = append(parts, fmt.Sprintf("the last %d %s in the order %s", a.Rest, plural(a.Name), list(p[n:], nil)))
		whole = whole && len(rest) <= mostShown
	}
	return strings.Join(parts, ", "), whole
}

// split returns the permutation of each factor, and false if p is not put together from such and one of the rest.
func (a Axis) split(p []int) (each [][]int, ok bool) {
	if len(a.Factors) == 0 || a.Rest == 0 && len(a.Factors) < 2 {
		return nil, false
	}
	n := a.product()
	for _, factor := range a.Factors {
		each = append(each, slices.Repeat([]int{-1}, factor.Size))
	}
	for i, from := range p[:n] {
		if from >= n {
			return nil, false
		}
		to := a.coordinates(i)
		for f, c := range a.coordinates(from) {
			if own := &each[f][to[f]]; *own < 0 {
				*own = c
			} else if *own != c {
				return nil, false
			}
		}
	}
	return each, true
}

// regrouped returns the words for a permutation that puts the factors of the index into another order, or undoes that.
func (a Axis) regrouped(p []int) string {
	if len(a.Factors) < 2 || len(a.Factors) > mostAxes {
		return ""
	}
	n := a.product()
	for i := n; i < len(p); i++ {
		if p[i] != i {
			return ""
		}
	}
	for _, order := range orders(len(a.Factors)) {
		// forth: entry i of the result, counted by the factors in the new order, is the entry with these values.
		forth := a.inOrder(order)
		if slices.Equal(p[:n], forth) {
			return fmt.Sprintf("%s sorted by %s, not by %s", plural(a.Name), a.factorNames(order), a.factorNames(nil))
		}
		back := make([]int, n)
		for i, from := range forth {
			back[from] = i
		}
		if slices.Equal(p[:n], back) {
			return fmt.Sprintf("%s taken for sorted by %s, not by %s", plural(a.Name), a.factorNames(order), a.factorNames(nil))
		}
	}
	return ""
}

// inOrder returns the indices of the axis, sorted by the factors in another order.
func (a Axis) inOrder(order []int) []int {
	strides := make([]int, len(a.Factors))
	stride := 1
	for f := len(a.Factors) - 1; f >= 0; f-- {
		strides[f] = stride
		stride *= a.Factors[f].Size
	}
	all := []int{0}
	for _, f := range order {
		next := make([]int, 0, len(all)*a.Factors[f].Size)
		for _, base := range all {
			for i := range a.Factors[f].Size {
				next = append(next, base+i*strides[f])
			}
		}
		all = next
	}
	return all
}

func (a Axis) factorNames(order []int) string {
	names := make([]string, len(a.Factors))
	for i := range a.Factors {
		f := i
		if order != nil {
			f = order[i]
		}
		names[i] = a.Factors[f].Name
	}
	return "[" + strings.Join(names, ", ") + "]"
}
