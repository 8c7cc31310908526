package elementary

import (
	"math"
	"testing"
)

// lineOps are the operations on lines by their definition, one value after the other, each rounded.
type lineOps[T Float] struct{}

func (lineOps[T]) sum(values []T, of func(T) T) T {
	var sums [8]T
	for i, v := range values {
		sums[i%8] += of(v)
	}
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}

func (lineOps[T]) largest(values []T) T {
	largest := T(math.Inf(-1))
	for _, v := range values {
		if v > largest {
			largest = v
		}
	}
	return largest
}

func TestLines_MatchDefinition(t *testing.T) {
	t.Parallel()
	t.Run("float32", linesDefinition[float32])
	t.Run("float64", linesDefinition[float64])
}

// linesDefinition compares to the bit, for every length of the rest, and makes sure that what is around a line stays as it is.
func linesDefinition[T Float](t *testing.T) {
	t.Parallel()
	const before, most = 3, 41
	for n := range most {
		var lines [4][]T // x and three lines of parameters
		for k := range lines {
			for _, v := range spread(float64(-7+k), float64(9-k), before+most+1) {
				lines[k] = append(lines[k], T(v))
			}
		}
		x, weight, bias := lines[0][before:before+n], lines[1][before:before+n], lines[2][before:before+n]
		const mean, scale = 0.3, 1.7
		square := func(v T) T { off := v - mean; return T(off * off) }
		for _, c := range []struct {
			what      string
			got, want T
		}{
			{"sum", Sum(x), lineOps[T]{}.sum(x, func(v T) T { return v })},
			{"squares", Squares(x, mean), lineOps[T]{}.sum(x, square)},
			{"largest", Largest(x), lineOps[T]{}.largest(x)},
			{"largest of negative ones", Largest(negative(x)), lineOps[T]{}.largest(negative(x))},
		} {
			if c.got != c.want {
				t.Errorf("%s of %d: %v, want %v", c.what, n, c.got, c.want)
			}
		}
		for _, c := range []struct {
			what string
			do   func(into []T)
			want func(i int, into T) T
		}{
			{"normalise", func(into []T) { Normalise(into, x, mean, scale, weight, bias) }, func(i int, _ T) T { return T(T((x[i]-mean)*scale)*weight[i]) + bias[i] }},
			{"normalise in place", func(into []T) { Normalise(into, into, mean, scale, weight, bias) }, func(i int, v T) T { return T(T((v-mean)*scale)*weight[i]) + bias[i] }},
			{"add", func(into []T) { Add(into, x) }, func(i int, v T) T { return v + x[i] }},
			{"add scaled", func(into []T) { AddScaled(into, x, weight) }, func(i int, v T) T { return v + T(x[i]*weight[i]) }},
			{"scale", func(into []T) { Scale(into, scale) }, func(_ int, v T) T { return v * scale }},
		} {
			whole := append([]T(nil), lines[3]...)
			c.do(whole[before : before+n])
			for i, v := range whole {
				want := lines[3][i]
				if i >= before && i < before+n {
					want = c.want(i-before, want)
				}
				if v != want {
					t.Fatalf("%s of %d: value %d is %v, want %v", c.what, n, i-before, v, want)
				}
			}
		}
	}
}

func negative[T Float](values []T) []T {
	var all []T
	for _, v := range values {
		all = append(all, v-100)
	}
	return all
}

// TestLargest_NaN makes sure that NaN is passed over wherever it stands: what is computed with it becomes NaN by itself.
func TestLargest_NaN(t *testing.T) {
	t.Parallel()
	for n := 1; n < 40; n++ {
		for at := range n {
			values := spread(-9, 3, n)
			values[at] = math.NaN()
			if got, want := Largest(values), (lineOps[float64]{}).largest(values); got != want {
				t.Fatalf("%d values with NaN at %d: %v, want %v", n, at, got, want)
			}
		}
	}
	if got := Largest([]float32{float32(math.NaN())}); !math.IsInf(float64(got), -1) {
		t.Errorf("of NaN alone: %v", got)
	}
}

func BenchmarkLines(b *testing.B) {
	x, weight, bias := make([]float32, 768), make([]float32, 768), make([]float32, 768)
	for i, v := range spread(-5, 5, len(x)) {
		x[i], weight[i] = float32(v), float32(v)
	}
	var kept float32
	for _, f := range []struct {
		name string
		do   func()
	}{
		{"Sum", func() { kept += Sum(x) }},
		{"Squares", func() { kept += Squares(x, 0.5) }},
		{"Normalise", func() { Normalise(bias, x, 0.5, 2, weight, weight) }},
		{"AddScaled", func() { AddScaled(bias, x, weight) }},
		{"Largest", func() { kept += Largest(x) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.do()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x)), "ns/value")
		})
	}
}
