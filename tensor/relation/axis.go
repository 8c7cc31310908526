package relation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/tensor"
)

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
