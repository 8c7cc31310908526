package loss

import (
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor/relation"
)

// repeat says that the slice at is equal to an earlier one.
type repeat struct{ at, of int }

// lines sets which rows and columns are zero, and which are repeated. A kernel has a row for each channel of the output, and a vector one for each value.
func (l *look) lines(values []float64) {
	if len(l.shape) == 1 {
		l.zero[0] = zeros(values)
		return
	}
	if len(l.shape) < 2 || l.shape[0] < 2 || l.elements == 0 {
		return
	}
	width := len(values) / l.shape[0]
	rows, columns := make([]line, l.shape[0]), make([]line, width)
	for i, v := range values {
		bits := math.Float64bits(v)
		rows[i/width].add(v, bits, values[i-i%width])
		columns[i%width].add(v, bits, values[i%width])
	}
	l.zero[0], l.repeats[0] = summary(rows, width)
	if len(l.shape) == 2 {
		l.zero[1], l.repeats[1] = summary(columns, l.shape[0])
	}
}

// zeros returns the indices of zeros in a vector, unless there are so few that they may be chance.
func zeros(values []float64) (found []int) {
	const few = 3
	for i, v := range values {
		if v == 0 {
			found = append(found, i)
		}
	}
	if len(found) <= few {
		return nil
	}
	return found
}

// line is what a row or a column shows.
type line struct {
	hash          uint64
	some, changes bool
}

// add adds a value; first is the first of the line.
func (l *line) add(v float64, bits uint64, first float64) {
	l.hash = (l.hash ^ bits) * 0x9e3779b97f4a7c15
	l.hash ^= l.hash >> 29
	l.some = l.some || v != 0
	l.changes = l.changes || v != first
}

// summary returns which lines of so many values are zero, and which are repeated.
func summary(lines []line, length int) (zero []int, repeats []repeat) {
	first := map[uint64]int{}
	for i, l := range lines {
		if !l.some {
			zero = append(zero, i)
		}
		if !l.changes || length < fewest {
			continue
		}
		if earlier, known := first[l.hash]; known {
			repeats = append(repeats, repeat{i, earlier})
		} else {
			first[l.hash] = i
		}
	}
	return zero, repeats
}

func repeated(l look, others company, config arch.Config) *Suspicion {
	for axis, repeats := range l.repeats {
		if len(repeats) == 0 || !others.most(func(s look) bool { return len(s.repeats[axis]) == 0 }) {
			continue
		}
		name := [2]string{"row", "column"}[axis]
		words := text.Count(len(repeats), name, name+"s") + " equal to an earlier one"
		if axes := config.Axes(l.name); len(axes) == len(l.shape) {
			if known := copied(axes[axis], repeats, l.shape[axis]); known != "" {
				words = known
			}
		}
		return &Suspicion{
			Kind: Repeated, Axis: axis, Count: int64(len(repeats)), Indices: []int{repeats[0].at, repeats[0].of},
			Sentence: fmt.Sprintf("has %s: %s %d is %s %d", words, name, repeats[0].at, name, repeats[0].of),
		}
	}
	return nil
}

// copied says which part of an axis of n slices is a copy of which, such as "heads 1, 2 equal to head 0", or "k equal to q", or nothing.
func copied(axis relation.Axis, repeats []repeat, n int) string {
	factors := axis.Factors
	if len(factors) == 0 {
		factors = []relation.Factor{{Name: axis.Name, Size: n}}
	}
	stride := n - axis.Rest
	for _, f := range factors {
		stride /= f.Size
		of, from := -1, []int(nil)
		alongIt := !slices.ContainsFunc(repeats, func(r repeat) bool {
			at, to := r.at/stride%f.Size, r.of/stride%f.Size
			if !slices.Contains(from, at) {
				from = append(from, at)
			}
			differs := of >= 0 && to != of
			of = to
			return differs || r.at-r.of != (at-to)*stride
		})
		if alongIt && f.Name != "" && len(repeats)*f.Size == len(from)*(n-axis.Rest) {
			slices.Sort(from)
			return called(f, from) + " equal to " + called(f, []int{of})
		}
	}
	return ""
}

// called names some values of a factor: "heads 1, 2", "k".
func called(f relation.Factor, values []int) string {
	var names []string
	for _, v := range values {
		if len(f.Labels) == f.Size {
			names = append(names, f.Labels[v])
		} else {
			names = append(names, fmt.Sprint(v))
		}
	}
	list := text.List(names, 6, "")
	switch {
	case len(f.Labels) == f.Size:
		return list
	case len(values) == 1:
		return f.Name + " " + list
	}
	return f.Name + "s " + list
}
