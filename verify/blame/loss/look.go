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
	hash  uint64
	// zero are the rows, and the columns, of a matrix in which all values are zero.
	zero [2][]int
	// repeats counts rows that are equal to an earlier one: firstRepeat is equal to repeatOf.
	repeats, firstRepeat, repeatOf int
}

func (l look) constant() bool { return l.elements > 0 && l.odd == 0 && l.low == l.high }

func (l look) matrix() bool { return len(l.shape) >= 2 && l.elements >= fewestDrawn }

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
	l.spread(values)
	l.rows(values)
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

// rows sets which rows and columns are zero, and which rows are repeated. A kernel has a row for each channel of the output.
func (l *look) rows(values []float64) {
	if len(l.shape) < 2 || l.shape[0] < 2 || l.elements == 0 {
		return
	}
	width := len(values) / l.shape[0]
	used := make([]bool, width)
	first := map[uint64]int{}
	for row := range l.shape[0] {
		zero, constant, hash := true, true, uint64(0)
		for column, v := range values[row*width : (row+1)*width] {
			hash = (hash ^ math.Float64bits(v)) * 0x9e3779b97f4a7c15
			hash ^= hash >> 29
			constant = constant && v == values[row*width]
			if v != 0 {
				zero, used[column] = false, true
			}
		}
		if zero {
			l.zero[0] = append(l.zero[0], row)
		}
		if constant || width < fewest {
			continue
		}
		if earlier, known := first[hash]; known {
			if l.repeats == 0 {
				l.firstRepeat, l.repeatOf = row, earlier
			}
			l.repeats++
		} else {
			first[hash] = row
		}
	}
	for column, is := range used {
		if !is && len(l.shape) == 2 {
			l.zero[1] = append(l.zero[1], column)
		}
	}
}

// fewestDrawn is how many values must be there for their distribution to show anything.
const fewestDrawn = 1024

// drawn returns how programs draw such values before training, or nothing: from a normal distribution of standard deviation 0.02, which BEiT divides by the
// square root of twice the number of the block in two layers (microsoft/unilm beit/modeling_finetune.py), or uniformly by the number of inputs (PyTorch's Linear).
// The deviation and the shape must be within four standard errors.
func (l look) drawn() string {
	n := float64(l.elements)
	if !l.matrix() || l.odd > 0 || l.deviation == 0 || math.Abs(l.mean) > 4*l.deviation/math.Sqrt(n) {
		return ""
	}
	deviation := 0.02
	_, block := role(l.name)
	scaled := deviation / math.Sqrt(2*float64(block+1))
	normal := math.Abs(l.kurtosis-3) <= 4*math.Sqrt(24/n)
	near := func(d float64) bool { return math.Abs(l.deviation-d) <= 4*d/math.Sqrt(2*n) }
	if normal && (near(deviation) || block >= 0 && near(scaled)) {
		return fmt.Sprintf("drawn from a normal distribution of standard deviation %.2g", l.deviation)
	}
	bound := math.Sqrt(float64(l.shape[0]) / n)
	extreme := max(math.Abs(l.low), math.Abs(l.high))
	if extreme <= bound*(1+1e-6) && extreme > bound*(1-20/n) && math.Abs(l.kurtosis-1.8) <= 4*math.Sqrt(24/n) {
		return fmt.Sprintf("drawn uniformly between -%.2g and %.2g", bound, bound)
	}
	return ""
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
