package relation

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
)

// String returns the sentence about tensors called A and B.
func (r *Relation) String() string { return r.Sentence("A", "B") }

// Sentence returns how the tensor called b follows from the one called a, without a full stop: "B is A transposed, rounded to F16".
func (r *Relation) Sentence(a, b string) string {
	if r == nil {
		return fmt.Sprintf("%s does not follow from %s", b, a)
	}
	if r.Reverse {
		a, b = b, a
	}
	if len(r.Steps) == 0 {
		if r.Distance > 0 {
			return fmt.Sprintf("%s is %s to within %.2g", b, a, r.Distance)
		}
		return fmt.Sprintf("%s is %s", b, a)
	}
	if last := r.Steps[len(r.Steps)-1]; last.Kind == Reordered {
		return fmt.Sprintf("%s has the values of %s in another order", b, a)
	} else if slices.Contains([]Kind{Zero, Ones, Constant}, last.Kind) {
		return b + " is " + last.words(a)
	}
	words := make([]string, len(r.Steps))
	for i, s := range r.Steps {
		words[i] = s.words(a)
	}
	return fmt.Sprintf("%s is %s %s", b, a, strings.Join(words, ", "))
}

// Gist is String without the numbers that each pair of tensors has for itself, so that pairs that are alike have the same.
func (r *Relation) Gist() string {
	if r == nil || len(r.Steps) == 0 {
		return r.String()
	}
	plain := Relation{Reverse: r.Reverse, Steps: slices.Clone(r.Steps)}
	for i := range plain.Steps {
		plain.Steps[i].gist = true
	}
	return plain.String()
}

// short returns the words of a gist for kinds whose words have numbers of their own, or nothing.
func (s Step) short() string {
	switch s.Kind {
	case ScaledEach:
		return fmt.Sprintf("with each %s scaled by a factor of its own", s.Name)
	case OneValue:
		return "but for one value"
	case Part:
		return "but for a part"
	case Close:
		return "with small differences"
	case Permuted:
		if !s.Recognised || strings.ContainsAny(s.Name, "0123456789") {
			return "with slices in another order"
		}
	}
	return ""
}

// words returns what follows "B is A", or "B is" where A, which is called a, does not matter.
func (s Step) words(a string) string {
	if short := s.short(); s.gist && short != "" {
		return short
	}
	switch s.Kind {
	case Transposed:
		return s.Name
	case Reshaped:
		return "reshaped where it should have been transposed"
	case Permuted:
		return "with " + s.Name
	case Negated:
		return "negated"
	case Scaled:
		return "scaled by " + number(s.Factor)
	case Shifted:
		return "with " + number(s.Offset) + " added to each value"
	case Affine:
		return fmt.Sprintf("scaled by %s, with %s added to each value", number(s.Factor), number(s.Offset))
	case ScaledEach:
		return fmt.Sprintf("with each %s scaled by a factor of its own, from %s to %s", s.Name, number(slices.Min(s.Factors)), number(slices.Max(s.Factors)))
	case Rounded:
		return "rounded to " + s.DType.String()
	case Cut:
		return fmt.Sprintf("cut off to %s, not rounded", s.DType)
	case OneValue:
		return fmt.Sprintf("but for one value, at %s: %s, not %s", index(s.At), number(s.Offset), number(s.Factor))
	case Part:
		return s.part(a)
	case Zero:
		return "all zero"
	case Ones:
		return "one throughout"
	case Constant:
		return number(s.Offset) + " throughout"
	case Close:
		return s.nearly()
	}
	return string(s.Kind)
}

// part returns the words for a tensor of which only some slices differ.
func (s Step) part(a string) string {
	start := "but for " + s.slices
	r := s.Within
	switch {
	case r == nil:
		return start
	case len(r.Steps) == 1 && r.Steps[0].Kind == Part:
		return start + ", there " + strings.TrimPrefix(r.Steps[0].part(a), "but ")
	case len(r.Steps) == 1 && slices.Contains([]Kind{Reordered, Close}, r.Steps[0].Kind):
		return start + map[Kind]string{Reordered: ", whose values are in another order", Close: ", which is close"}[r.Steps[0].Kind]
	}
	words := make([]string, len(r.Steps))
	for i, step := range r.Steps {
		words[i] = step.words(a)
	}
	verb := " is "
	if len(s.Indices) > 1 {
		verb = " are "
	}
	is := ", which" + verb
	if r.Reverse {
		is = ", which in " + a + verb
	}
	return start + is + strings.Join(words, ", ")
}

// nearly returns the words for tensors that differ by little.
func (s Step) nearly() string {
	sized := fmt.Sprintf("with differences of %.1g of its size", s.Factor)
	if s.Name != "" {
		sized += ", none beyond the rounding of " + s.Name
	}
	return sized
}

// number returns a number with as many digits as people want to read.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func index(at []int) string {
	parts := make([]string, len(at))
	for i, n := range at {
		parts[i] = strconv.Itoa(n)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func defaultName(axis, rank int) string {
	switch rank {
	case 1:
		return "value"
	case 2:
		return [2]string{"row", "column"}[axis]
	}
	return fmt.Sprintf("slice of axis %d", axis)
}

// plural returns the plural of the name of an axis.
func plural(name string) string {
	first, rest := name, ""
	for _, word := range []string{" of ", " down", " across"} {
		if at := strings.Index(name, word); at > 0 {
			first, rest = name[:at], name[at:]
			break
		}
	}
	if strings.HasSuffix(first, "s") {
		first += "e"
	}
	return first + "s" + rest
}

// mostShown is how many entries of a permutation are in a sentence.
const mostShown = 12

// list returns the first numbers of a list, by their labels if there are some.
func list(numbers []int, labels []string) string {
	shown := make([]string, 0, mostShown)
	for i, n := range numbers {
		if i == mostShown {
			shown = append(shown, "...")
			break
		}
		if n < len(labels) {
			shown = append(shown, labels[n])
		} else {
			shown = append(shown, strconv.Itoa(n))
		}
	}
	return strings.Join(shown, ", ")
}

// Called returns how the slices at indices, which are sorted, are called: "row 3", "rows 0 to 63", "head 2 of k", "5 rows, such as 7". The parts that an axis is
// said to have count only if there are n slices.
func (a Axis) Called(indices []int, n int) string {
	if a.Name == "" {
		a.Name = "slice"
	}
	if !a.fits(n) {
		a.Factors, a.Rest = nil, 0
	}
	return a.called(indices)
}

func (a Axis) called(indices []int) string {
	if name := a.group(indices); name != "" {
		return name
	}
	first, last := indices[0], indices[len(indices)-1]
	switch {
	case first == last:
		return fmt.Sprintf("%s %d", a.Name, first)
	case last-first == len(indices)-1:
		return fmt.Sprintf("%s %d to %d", plural(a.Name), first, last)
	case len(indices) <= 4:
		return plural(a.Name) + " " + list(indices, nil)
	}
	return fmt.Sprintf("%s, such as %s", text.Count(len(indices), a.Name, plural(a.Name)), list(indices[:1], nil))
}

// group returns the name of slices that are exactly those with one value of some factors: "k", "head 2", "head 2 of q".
func (a Axis) group(indices []int) string {
	if len(a.Factors) < 2 || len(indices) < 2 {
		return ""
	}
	n := a.product()
	if indices[len(indices)-1] >= n {
		return ""
	}
	// The factors that are constant over the indices; the indices must be all that have these values.
	fixed, count := a.coordinates(indices[0]), n
	for _, i := range indices[1:] {
		for f, c := range a.coordinates(i) {
			if fixed[f] != c {
				fixed[f] = -1
			}
		}
	}
	var words []string
	for f, value := range fixed {
		if value < 0 {
			continue
		}
		count /= a.Factors[f].Size
		if label := a.Factors[f].Labels; value < len(label) {
			words = append(words, label[value])
		} else {
			words = append(words, fmt.Sprintf("%s %d", a.Factors[f].Name, value))
		}
	}
	if count != len(indices) || len(words) == 0 {
		return ""
	}
	slices.Reverse(words)
	return strings.Join(words, " of ")
}

// coordinates splits an index below the product of the factors.
func (a Axis) coordinates(i int) []int {
	at := make([]int, len(a.Factors))
	for f := len(a.Factors) - 1; f >= 0; f-- {
		at[f] = i % a.Factors[f].Size
		i /= a.Factors[f].Size
	}
	return at
}

// rounding returns the name of the finest dtype whose rounding covers a relative difference, or nothing.
func rounding(relative float64) string {
	for _, d := range []struct {
		name string
		bits float64
	}{{"F32", 24}, {"F16", 11}, {"BF16", 8}} {
		if relative <= math.Exp2(-d.bits) {
			return d.name
		}
	}
	return ""
}
