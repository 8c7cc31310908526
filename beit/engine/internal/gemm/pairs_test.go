package gemm

import (
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
)

// pairKernels are those of pairs that this processor can run, whether or not it gains by them, and the definition of the instruction.
func pairKernels() []kernel[float32] {
	all := []kernel[float32]{{"portable pairs", 12, 32, multiplyPairsPortable(12, 32), multiplyPairsPortable(6, 32)}}
	if canPair {
		all = append(all, pairKernel)
	}
	return all
}

// TestPairs_MatchDefinition compares products of pairs with the sum in float64, filled as a whole and piece by piece.
func TestPairs_MatchDefinition(t *testing.T) {
	t.Parallel()
	for _, k := range pairKernels() {
		for _, s := range sizes {
			a, b, line := bfloats(s.rows*s.inner), bfloats(s.inner*s.columns), random[float32](s.columns)
			m := &Matrix[float32]{}
			m.Keep(BF16)
			m.pair(k)
			if err := m.FillTransposedBy(s.columns, s.inner, func(lines []float32, first int) error { copy(lines, b[first*s.inner:]); return nil }); err != nil {
				t.Fatal(err)
			}
			var whole, pieces Rows[float32]
			for _, r := range []*Rows[float32]{&whole, &pieces} {
				r.data = make([]float32, 2*(s.rows+12)*s.inner)
				for i := range r.data {
					r.data[i] = float32(math.NaN())
				}
				m.Prepare(r, s.rows)
				clear(r.data[s.rows/12*12*half(s.inner):]) // rows that there are not do not matter, but a NaN in a sum that nobody reads is slow
			}
			whole.Fill(a, s.inner, 0, whole.Tiles())
			for from := 0; from < s.inner; from += 5 { // pairs are divided
				width := min(5, s.inner-from)
				pieces.Put(0, from, a[from:], s.rows, width, s.inner)
			}
			first, second := make([]float32, s.rows*s.columns), make([]float32, s.rows*s.columns)
			m.MultiplyAddTo(m.Line(line), first, s.columns, whole, 0, m.Panels())
			middle := m.Panels() / 2
			rest := m.Part(middle, m.Panels())
			for i := range second {
				second[i] = line[i%s.columns]
			}
			m.MultiplyAdd(second, s.columns, pieces, 0, middle)
			rest.MultiplyAdd(second[middle*m.PanelColumns():], s.columns, pieces, 0, rest.Panels())
			for i := range first {
				sum, size := float64(line[i%s.columns]), math.Abs(float64(line[i%s.columns]))
				for p := range s.inner {
					term := float64(a[i/s.columns*s.inner+p]) * float64(b[i%s.columns*s.inner+p])
					sum, size = sum+term, size+math.Abs(term)
				}
				if off := math.Abs(float64(first[i]) - sum); !(off <= size*float64(s.inner+2)*epsilon[float32]()) || second[i] != first[i] {
					t.Fatalf("%s, %v: element %d is %v and %v, want %v", k.name, s, i, first[i], second[i], sum)
				}
			}
		}
	}
}

// TestPairs_Bits makes sure that the instruction computes what multiplyPairsPortable does, to the bit.
func TestPairs_Bits(t *testing.T) {
	t.Parallel()
	if !canPair {
		t.Skip("this processor does not have the instruction")
	}
	const k = 64
	a, b, line := make([]float32, 12*k), make([]float32, 32*k), random[float32](32)
	for _, side := range [][]float32{a, b} {
		values := bfloats(2 * len(side))
		for i := range side {
			side[i] = pairOf(values[2*i], values[2*i+1])
		}
	}
	for _, first := range []*float32{nil, &line[0]} {
		want, got := random[float32](12*32), make([]float32, 12*32)
		copy(got, want)
		multiplyPairsPortable(12, 32)(k, &a[0], 4, 48, &b[0], &want[0], 128, 0, 0, first)
		pairKernel.multiply(k, &a[0], 4, 48, &b[0], &got[0], 128, 0, 0, first)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("element %d is %v, want %v", i, got[i], want[i])
			}
		}
	}
}

// bfloats returns random values of bfloat16.
func bfloats(n int) []float32 {
	values := random[float32](n)
	for i, v := range values {
		values[i] = tensor.WidenBF16(tensor.RoundBF16(v))
	}
	return values
}
