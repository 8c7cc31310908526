package gemm

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/beitzoo/beitzoo/tensor"
)

// groupKernels are those of groups that this processor can run, whether or not it gains by them, and definitions of the instructions.
func groupKernels() []kernel[float32] {
	all := []kernel[float32]{
		{"portable pairs", 12, 32, 2, multiplyGroupsPortable(12, 32, 2), multiplyGroupsPortable(6, 32, 2)},
		{"portable fours", 12, 8, 4, multiplyGroupsPortable(12, 8, 4), multiplyGroupsPortable(6, 8, 4)},
	}
	if canGroup {
		all = append(all, groupKernel)
	}
	return all
}

// multiplyGroupsPortable returns what a kernel of groups computes: see kernel.multiply. Of each pair it multiplies and adds the second value first, as VDPBF16PS does.
func multiplyGroupsPortable(rows, columns, group int) func(k int, a *float32, row, step uintptr, b, c *float32, stride, _, _ uintptr, first *float32) {
	return func(k int, a *float32, row, step uintptr, b, c *float32, stride, _, _ uintptr, first *float32) {
		lines := unsafe.Slice((*uint16)(unsafe.Pointer(b)), k*columns*group)
		for i := range rows {
			line := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(c), uintptr(i)*stride)), columns)
			for j := range line {
				sum := float32(0)
				for p := range k {
					x := unsafe.Slice((*uint16)(unsafe.Add(unsafe.Pointer(a), uintptr(i)*row+uintptr(p)*step)), group)
					y := lines[(p*columns+j)*group:]
					for q := range group {
						q ^= 1
						sum += tensor.WidenBF16(x[q]) * tensor.WidenBF16(y[q])
					}
				}
				if first != nil {
					line[j] = unsafe.Slice(first, columns)[j]
				}
				line[j] += sum
			}
		}
	}
}

// TestGroups_MatchDefinition compares products of groups with the sum in float64, filled as a whole and piece by piece, and makes sure that the bits of a row do not depend on how
// many rows there are.
func TestGroups_MatchDefinition(t *testing.T) {
	t.Parallel()
	for _, k := range groupKernels() {
		for _, s := range sizes {
			a, b, line := bfloats(s.rows*s.inner), bfloats(s.inner*s.columns), random[float32](s.columns)
			m := &Matrix[float32]{}
			m.Keep(BF16)
			m.kernel = k
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
				clear(r.data[s.rows/12*r.tile:]) // rows that there are not do not matter, but a NaN in a sum that nobody reads is slow
			}
			whole.Fill(a, s.inner, 0, whole.Tiles())
			for from := 0; from < s.inner; from += 5 { // groups are divided
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
			var some Rows[float32]
			m.Prepare(&some, divideUp(s.rows, 2))
			some.Fill(a, s.inner, 0, some.Tiles())
			alone := make([]float32, divideUp(s.rows, 2)*s.columns)
			m.MultiplyAddTo(m.Line(line), alone, s.columns, some, 0, m.Panels())
			if !slices.Equal(alone, first[:len(alone)]) {
				t.Fatalf("%s, %v: the bits of a row depend on how many there are", k.name, s)
			}
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

// TestGroups_Bits makes sure that VDPBF16PS computes what multiplyGroupsPortable does, to the bit. BFMMLA rounds in its own way.
func TestGroups_Bits(t *testing.T) {
	t.Parallel()
	if !canGroup || groupKernel.group != 2 {
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
		multiplyGroupsPortable(12, 32, 2)(k, &a[0], 4, 48, &b[0], &want[0], 128, 0, 0, first)
		groupKernel.multiply(k, &a[0], 4, 48, &b[0], &got[0], 128, 0, 0, first)
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
