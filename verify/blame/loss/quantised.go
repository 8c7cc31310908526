package loss

import (
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// steps says that all values of a parameter are whole multiples of a step, so that so many bits hold them; the zero value that they are not.
type steps struct {
	bits int
	// each means that each row has a step of its own, size that of the whole parameter otherwise.
	each bool
	size float64
}

// stepsOf looks for the steps of a parameter that was quantised, in one piece or row by row, with zero in the middle or elsewhere.
func stepsOf(values []float64, shape tensor.Shape) steps {
	if len(values) < fewest {
		return steps{}
	}
	for _, bits := range []int{4, 8} {
		if size := stepOf(values, bits); size > 0 {
			return steps{bits: bits, size: size}
		}
		if len(shape) > 1 && shape[0] > 0 && len(values)/shape[0] >= fewest && steppedRows(values, len(values)/shape[0], bits) {
			return steps{bits: bits, each: true}
		}
	}
	return steps{}
}

// steppedRows reports whether each row of that width has a step; rows of zeros have any.
func steppedRows(values []float64, width, bits int) bool {
	some := false
	for row := range slices.Chunk(values, width) {
		if slices.Max(row) == 0 && slices.Min(row) == 0 {
			continue
		}
		if some = true; stepOf(row, bits) == 0 {
			return false
		}
	}
	return some
}

// stepOf returns the step of values that so many bits hold, or 0.
func stepOf(values []float64, bits int) float64 {
	low, high := slices.Min(values), slices.Max(values)
	half, largest := float64(int(1)<<(bits-1)), max(high, -low)
	for _, size := range []float64{largest / (half - 1), largest / half, (high - low) / (2*half - 1)} {
		if size > 0 && !math.IsInf(size, 1) && !slices.ContainsFunc(values, func(v float64) bool { return !whole(v / size) }) {
			return size
		}
	}
	return 0
}

// whole reports whether a number is an integer but for the rounding of float32.
func whole(v float64) bool { return math.Abs(v-math.Round(v)) < 1e-3 }

// quantised returns the suspicion that a parameter was quantised, whatever others are, or nil.
func (l look) quantised() *Suspicion {
	if l.steps == (steps{}) || !l.telling() {
		return nil
	}
	s := &Suspicion{Kind: Quantised, Count: int64(l.steps.bits)}
	s.Sentence = fmt.Sprintf("was quantised to %d bits: all of its values are whole multiples of %.6g", l.steps.bits, l.steps.size)
	if l.steps.each {
		s.Sentence = fmt.Sprintf("was quantised to %d bits: in each row, all values are whole multiples of one number", l.steps.bits)
	}
	return s
}
