package elementary

import (
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
)

// half is a type of half precision: what rounds many values, and one value by its definition.
type half struct {
	name  string
	many  func([]float32)
	round func(float32) uint16
	widen func(uint16) float32
}

var halves = []half{
	{"BF16", RoundBF16, tensor.RoundBF16, tensor.WidenBF16},
	{"F16", RoundF16, tensor.RoundF16, tensor.WidenF16},
}

// wrong returns the first value of those whose bits are from and every step-th after that, before to, that many rounds otherwise than one by one.
func (h half) wrong(from, to, step uint64) (value, got float32, found bool) {
	const piece = 4096
	values, rounded := make([]float32, 0, piece), make([]float32, piece)
	for bits := from; bits < to; {
		values = values[:0]
		for ; bits < to && len(values) < piece; bits += step {
			values = append(values, math.Float32frombits(uint32(bits)))
		}
		copy(rounded, values)
		h.many(rounded[:len(values)])
		for i, v := range values {
			want := v
			if v == v {
				want = h.widen(h.round(v))
			}
			if math.Float32bits(rounded[i]) != math.Float32bits(want) {
				return v, rounded[i], true
			}
		}
	}
	return 0, 0, false
}

// TestRound_MatchesDefinition takes every 4,099th float32, and all whose last bits are about halfway between two of half precision.
func TestRound_MatchesDefinition(t *testing.T) {
	t.Parallel()
	for _, h := range halves {
		if v, got, found := h.wrong(0, 1<<32, 4099); found {
			t.Errorf("%s of %v: %v", h.name, v, got)
		}
		for _, halfway := range []uint64{1 << 15, 1 << 12} {
			for off := range uint64(3) {
				if v, got, found := h.wrong(halfway-1+off, 1<<32, 2*halfway); found {
					t.Errorf("%s of %v: %v", h.name, v, got)
				}
			}
		}
	}
}

// TestRound_AnyLength makes sure that all values of a line are rounded, and nothing around it.
func TestRound_AnyLength(t *testing.T) {
	t.Parallel()
	const value = 1 + 0x1.8p-12
	for _, h := range halves {
		for n := range 35 {
			whole := make([]float32, n+2)
			for i := range whole {
				whole[i] = value
			}
			h.many(whole[1 : n+1])
			for i, v := range whole {
				want := float32(1)
				if i == 0 || i == n+1 {
					want = value
				}
				if v != want {
					t.Fatalf("%s of %d values: value %d is %v, want %v", h.name, n, i-1, v, want)
				}
			}
		}
	}
}

// TestRound_Ties has ties, and the ends of the ranges.
func TestRound_Ties(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(1))
	for _, c := range []struct{ in, bf16, f16 float32 }{
		{1, 1, 1},
		{1 + 0x1p-8, 1, 1 + 0x1p-8},          // a tie in bfloat16: to even
		{1 + 0x3p-8, 1 + 0x1p-6, 1 + 0x3p-8}, // a tie the other way
		{1 + 0x1p-11, 1, 1},                  // a tie in float16
		{-1 - 0x1.8p-10, -1, -1 - 0x1p-9},    // a tie, up to even
		{65519, 65536, 65504},
		{65520, 65536, inf}, // the largest half, and beyond
		{0x1p-24, 0x1p-24, 0x1p-24},
		{0x1p-26, 0x1p-26, 0}, // the smallest half, and below
		{-inf, -inf, -inf},
		{math.MaxFloat32, inf, inf},
	} {
		values := []float32{c.in}
		if RoundBF16(values); values[0] != c.bf16 {
			t.Errorf("bfloat16 of %v: %v, want %v", c.in, values[0], c.bf16)
		}
		values[0] = c.in
		if RoundF16(values); values[0] != c.f16 {
			t.Errorf("float16 of %v: %v, want %v", c.in, values[0], c.f16)
		}
	}
	nan := []float32{float32(math.NaN())}
	if RoundBF16(nan); nan[0] == nan[0] {
		t.Error("bfloat16 of NaN is a number")
	}
	if RoundF16(nan); nan[0] == nan[0] {
		t.Error("float16 of NaN is a number")
	}
}
