package gemm

import (
	"fmt"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
)

// TestHalf_WidenEveryValue compares all values that there are with package tensor, to the bit.
func TestHalf_WidenEveryValue(t *testing.T) {
	t.Parallel()
	all, wide := make([]uint16, 1<<16), make([]float32, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	for half, widen := range map[Half]func(uint16) float32{BF16: tensor.WidenBF16, F16: tensor.WidenF16} {
		half.widen(wide, all)
		for i, v := range wide {
			if want := widen(uint16(i)); math.Float32bits(v) != math.Float32bits(want) {
				t.Fatalf("type %d, %#04x: %v, want %v (%#x, %#x)", half, i, v, want, math.Float32bits(v), math.Float32bits(want))
			}
		}
		short := make([]float32, 20) // with a rest, and nothing written behind it
		half.widen(short, all[0x3c00:0x3c00+13])
		for i, v := range short {
			if want := widen(uint16(0x3c00 + i)); i < 13 && v != want || i >= 13 && v != 0 {
				t.Errorf("type %d, value %d of 13: %v", half, i, v)
			}
		}
	}
}

// TestHalf_SameProducts makes sure that a matrix that is kept in 16 bits multiplies to the same bits as one of float32, with every kernel, also in parts.
func TestHalf_SameProducts(t *testing.T) {
	t.Parallel()
	for _, k := range kernels[float32]() {
		for half, round := range map[Half]func(float32) float32{
			BF16: func(v float32) float32 { return tensor.WidenBF16(tensor.RoundBF16(v)) },
			F16:  func(v float32) float32 { return tensor.WidenF16(tensor.RoundF16(v)) },
		} {
			for _, s := range sizes {
				t.Run(fmt.Sprintf("%s/%d/%dx%dx%d", k.name, half, s.rows, s.inner, s.columns), func(t *testing.T) {
					t.Parallel()
					b := random[float32](s.inner * s.columns)
					for i := range b {
						b[i] = round(b[i])
					}
					read := func(lines []float32, first int) error { copy(lines, b[first*s.inner:]); return nil }
					want, got := &Matrix[float32]{kernel: k}, &Matrix[float32]{kernel: k}
					got.Keep(half)
					for _, m := range []*Matrix[float32]{want, got} {
						if err := m.FillTransposedBy(s.columns, s.inner, read); err != nil {
							t.Fatal(err)
						}
					}
					a, _ := left(k, random[float32](s.rows*s.inner), s.rows, s.inner)
					first, second := make([]float32, s.rows*s.columns), make([]float32, s.rows*s.columns)
					want.MultiplyAdd(first, s.columns, a, 0, want.Panels())
					middle := got.Panels() / 2
					got.MultiplyAdd(second, s.columns, a, 0, middle)
					rest := got.Part(middle, got.Panels())
					rest.MultiplyAdd(second[middle*got.PanelColumns():], s.columns, a, 0, rest.Panels())
					for i := range first {
						if first[i] != second[i] {
							t.Fatalf("element %d is %v, want %v", i, second[i], first[i])
						}
					}
				})
			}
		}
	}
}
