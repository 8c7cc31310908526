package blame

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// recognised returns the hypotheses about a vector, such as a bias, that should have about the given values: it is missing, negated, doubled, that of another
// block, rolled, or single values of it are wrong.
func (d *draft) recognised(ctx context.Context, t *target, at part, parameter string, want []float64) []hypothesis {
	old, err := d.vector(parameter)
	if err != nil || len(old) != len(want) {
		return nil
	}
	spread := spreadOf(want, old)
	var all []hypothesis
	add := func(name, says string, values []float64) {
		if off(values, want) <= near2*spread && off(old, values) > near2*spread {
			all = append(all, assigning(name, at, parameter, says, values))
		}
	}
	for _, s := range simple {
		add(s.name, parameter+" "+s.says, s.of(old))
	}
	if signed, says := resigned(old, want); signed != nil {
		add("signs", parameter+says, signed)
	}
	if order := orderOf(want, old, spread); order != nil {
		all = append(all, reordered("permuted", at, "the values of "+parameter+" "+d.order(order), []string{parameter}, order, inRows))
	}
	for _, other := range d.likes(parameter, len(want)) {
		values, err := d.Model.Tensor(other)
		if err == nil {
			add(otherTensor, parameter+" is taken from "+other, values.Values())
		}
	}
	all = append(all, single(ctx, t, at, parameter, old, want, spread)...)
	if off(old, want) > near2*spread {
		all = append(all, assigning(anotherVector, at, parameter, parameter+hasOthers, want))
	}
	return all
}

// anotherVector is the hypothesis that a vector has values which do not follow from the stored ones.
const anotherVector = "another-vector"

// hasOthers says so after the name of the vector.
const hasOthers = " has other values, which do not follow from these"

// near2 is how far a solved value may be from the right one, as a share of the spread of the values.
const near2 = 0.01

// simple are vectors that follow from the stored one.
var simple = []struct {
	name, says string
	of         func(old []float64) []float64
}{
	{"no-bias", "is left out", func(old []float64) []float64 { return make([]float64, len(old)) }},
	{"ones", "is all ones", func(old []float64) []float64 { return slices.Repeat([]float64{1}, len(old)) }},
	{"scaled", "is doubled", func(old []float64) []float64 { return each(old, func(v float64) float64 { return 2 * v }) }},
	{"scaled", "is halved", func(old []float64) []float64 { return each(old, func(v float64) float64 { return v / 2 }) }},
	{"negated", "is negated", func(old []float64) []float64 { return each(old, func(v float64) float64 { return -v }) }},
	{"squared", "is applied twice", func(old []float64) []float64 { return each(old, func(v float64) float64 { return v * v }) }},
	{"offset", "has 1 added", func(old []float64) []float64 { return each(old, func(v float64) float64 { return v + 1 }) }},
	{"offset", "has 1 subtracted", func(old []float64) []float64 { return each(old, func(v float64) float64 { return v - 1 }) }},
}

// resigned returns a vector with the signs of another one, and what that says of it; nil if at most one sign is another.
func resigned(old, want []float64) (signed []float64, says string) {
	signed, says = slices.Clone(old), " has the signs that it lost: it holds absolute values, none is negative"
	count := 0
	for i, v := range want {
		if signed[i] = math.Copysign(old[i], v); signed[i] != old[i] {
			count++
		}
		if old[i] < 0 {
			says = " has other signs"
		}
	}
	if count < 2 {
		return nil, ""
	}
	return signed, says
}

func each(values []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = f(v)
	}
	return out
}

// spreadOf returns the scale of the values that differences are judged by.
func spreadOf(a, b []float64) float64 {
	total := 0.0
	for i, v := range a {
		total += v*v + b[i]*b[i]
	}
	return math.Sqrt(total / float64(2*len(a)))
}

// off returns the root mean square of the differences.
func off(a, b []float64) float64 {
	total := 0.0
	for i, v := range a {
		total += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(total / float64(len(a)))
}

// orderOf returns the order in which old has the values of want, or nil if it is not about a permutation of them.
func orderOf(want, old []float64, spread float64) []int {
	rank := func(values []float64) []int {
		order := make([]int, len(values))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
		return order
	}
	a, b := rank(want), rank(old)
	order, moved := make([]int, len(want)), false
	for i := range a {
		if math.Abs(want[a[i]]-old[b[i]]) > near2*spread {
			return nil
		}
		order[a[i]] = b[i]
		moved = moved || a[i] != b[i]
	}
	if !moved {
		return nil
	}
	return order
}

// likes returns the names of other parameters that have so many values: first those that another block has under the same name.
func (d *draft) likes(parameter string, count int) []string {
	var same, others []string
	for _, p := range d.Config.Params() {
		elements, _ := p.Shape.Elements()
		if int(elements) != count {
			continue
		}
		switch {
		case strings.HasSuffix(p.Name, "."+parameter) && !slices.Contains(d.names(parameter), p.Name):
			same = append(same, p.Name)
		case slices.ContainsFunc(d.places, func(place string) bool { return place != "" && strings.HasPrefix(p.Name, place) }):
			others = append(others, p.Name)
		}
	}
	return slices.Concat(others, same)
}

// single returns the hypothesis that one value is wrong.
func single(ctx context.Context, t *target, at part, parameter string, old, want []float64, spread float64) []hypothesis {
	var wrong []int
	for i, v := range old {
		if math.Abs(v-want[i]) > near2*spread {
			wrong = append(wrong, i)
		}
	}
	if len(wrong) != 1 {
		return nil
	}
	i := wrong[0]
	return []hypothesis{suspect{parameter: parameter, element: []int{i}, change: want[i] - old[i]}.hypothesis(ctx, at, t)}
}

// order describes a permutation of rows of which the draft's model knows the structure: "are reversed", "have the heads in the order [2 0 1]".
func (d *draft) order(order []int) string {
	n, heads := len(order), d.Config.Heads
	is := func(at func(i int) int) bool {
		for i, from := range order {
			if from != at(i) {
				return false
			}
		}
		return true
	}
	for by := 1; by < n; by++ {
		if is(func(i int) int { return (i + by) % n }) {
			return fmt.Sprintf("are rolled by %d", min(by, n-by))
		}
	}
	if is(func(i int) int { return n - 1 - i }) {
		return "are reversed"
	}
	if n%heads == 0 {
		width := n / heads
		if is(func(i int) int { return i%heads*width + i/heads }) {
			return "are rearranged from [width, heads] to [heads, width]"
		}
		if is(func(i int) int { return i%width*heads + i/width }) {
			return "are rearranged from [heads, width] to [width, heads]"
		}
		places := make([]int, heads)
		for h := range places {
			places[h] = order[h*width] / width
		}
		if is(func(i int) int { return places[i/width]*width + i%width }) {
			return "have the heads in the order " + brief(places)
		}
	}
	moved := 0
	for i, from := range order {
		if from != i {
			moved++
		}
	}
	if moved == 2 {
		at := slices.IndexFunc(order, func(from int) bool { return order[from] != from })
		return fmt.Sprintf("have %d and %d exchanged", at, order[at])
	}
	return fmt.Sprintf("are permuted, in the order %s", brief(order))
}
