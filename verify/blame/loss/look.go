package loss

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/tensor"
)

// look is what one parameter shows.
type look struct {
	name     string
	shape    tensor.Shape
	dtype    tensor.DType
	elements int64
	// odd counts NaN and infinite values, the first of which is at firstOdd.
	odd      int64
	firstOdd int
	// The others are over finite values.
	low, high, mean, deviation, kurtosis float64
	// top is the largest distance from the mean, of the value topValue at topAt; next is the next largest.
	top, next, topValue float64
	topAt               int
	// distinct is the number of different values, up to fewest.
	distinct int
	// grain is the coarsest dtype that holds all values.
	grain tensor.DType
	// steps says of which step all values are multiples, if they are of a few levels.
	steps steps
	hash  uint64
	// zero are the rows, and the columns, of a matrix in which all values are zero, or the values of a vector that are.
	zero [2][]int
	// repeats are the rows, and the columns, that are equal to an earlier one.
	repeats [2][]repeat
}

func (l look) constant() bool { return l.elements > 0 && l.odd == 0 && l.low == l.high }

func lookAt(t tensor.Named) (look, error) {
	values, err := tensor.Float64s(t.View)
	if err != nil {
		return look{}, fmt.Errorf("%s: %w", t.Name, err)
	}
	l := look{name: t.Name, shape: t.Shape, dtype: t.DType, elements: int64(len(values)), low: math.Inf(1), high: math.Inf(-1)}
	sum := 0.0
	seen := map[float64]bool{}
	for i, v := range values {
		l.hash = (l.hash ^ math.Float64bits(v)) * 0x9e3779b97f4a7c15
		l.hash ^= l.hash >> 29
		if v-v != 0 {
			if l.odd == 0 {
				l.firstOdd = i
			}
			l.odd++
			continue
		}
		l.low, l.high, sum = min(l.low, v), max(l.high, v), sum+v
		if len(seen) < fewest {
			seen[v] = true
		}
	}
	l.distinct, l.mean = len(seen), sum/float64(l.elements-l.odd)
	l.grain = grainOf(values, t.DType)
	l.steps = stepsOf(values, t.Shape)
	l.spread(values)
	l.lines(values)
	return l, nil
}

// spread sets what is about distances from the mean.
func (l *look) spread(values []float64) {
	squares, fourths := 0.0, 0.0
	for i, v := range values {
		d := math.Abs(v - l.mean)
		if d-d != 0 {
			continue
		}
		squares, fourths = squares+d*d, fourths+d*d*d*d
		if d > l.top {
			l.next, l.top, l.topValue, l.topAt = l.top, d, v, i
		} else if d > l.next {
			l.next = d
		}
	}
	n := float64(l.elements - l.odd)
	l.deviation = math.Sqrt(squares / n)
	l.kurtosis = fourths / n / math.Pow(l.deviation, 4)
}

// grainOf returns the coarsest dtype that holds all values.
func grainOf(values []float64, stored tensor.DType) tensor.DType {
	if !stored.IsFloat() {
		return stored
	}
	for _, g := range []struct {
		dtype tensor.DType
		holds func(float32) bool
	}{
		{tensor.BF16, func(v float32) bool { return math.Float32bits(v)&0xffff == 0 }},
		{tensor.F16, func(v float32) bool { return tensor.WidenF16(tensor.RoundF16(v)) == v || v != v }},
		{tensor.F32, func(float32) bool { return true }},
	} {
		if g.dtype.Size() >= stored.Size() {
			return stored
		}
		holds := true
		for _, v := range values {
			f := float32(v)
			if holds = float64(f) == v && g.holds(f) || v != v; !holds {
				break
			}
		}
		if holds {
			return g.dtype
		}
	}
	return stored
}

// indices turns a flat index into one for each dimension.
func indices(flat int, shape tensor.Shape) []int {
	at := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		at[i] = flat % shape[i]
		flat /= shape[i]
	}
	return at
}
