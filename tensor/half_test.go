package tensor_test

import (
	"math"
	"testing"

	"github.com/x448/float16"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/tensor"
)

// TestRound_ThereAndBack widens all 65,536 patterns and rounds them again: only NaNs, which become quiet, may change.
func TestRound_ThereAndBack(t *testing.T) {
	t.Parallel()
	for i := range 1 << 16 {
		bits := uint16(i)
		half, brain := tensor.WidenF16(bits), tensor.WidenBF16(bits)
		if want := float16.Frombits(bits).Float32(); math.Float32bits(half) != math.Float32bits(want) {
			t.Fatalf("half %#04x is %g, want %g", bits, half, want)
		}
		quietF16, quietBF16 := bits, bits
		if half != half {
			quietF16 |= 0x0200
		}
		if brain != brain {
			quietBF16 |= 0x0040
		}
		if got := tensor.RoundF16(half); got != quietF16 {
			t.Fatalf("half %#04x comes back as %#04x", bits, got)
		}
		if got := tensor.RoundBF16(brain); got != quietBF16 {
			t.Fatalf("bfloat16 %#04x comes back as %#04x", bits, got)
		}
	}
}

// TestRound_Nearest compares with the two neighbours of each number.
func TestRound_Nearest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float32frombits(rapid.Uint32().Draw(t, "bits"))
		if got, want := tensor.RoundF16(f), float16.Fromfloat32(f).Bits(); got != want {
			t.Errorf("%g to half: %#04x, want %#04x", f, got, want)
		}
		got := tensor.RoundBF16(f)
		back := tensor.WidenBF16(got)
		if f != f || math.IsInf(float64(back), 0) {
			return
		}
		for _, other := range []uint16{got - 1, got + 1} {
			distance := math.Abs(float64(back) - float64(f))
			if far := math.Abs(float64(tensor.WidenBF16(other)) - float64(f)); far < distance || far == distance && got&1 != 0 {
				t.Errorf("%g to bfloat16: %#04x, though %#04x is as near", f, got, other)
			}
		}
	})
}

// TestDType_SignificantBits compares with rounding: half a unit in the last place above 1 rounds to even, which is 1, and a whole unit does not.
func TestDType_SignificantBits(t *testing.T) {
	t.Parallel()
	for dtype, rounded := range map[tensor.DType]func(float64) float64{
		tensor.BF16: func(v float64) float64 { return float64(tensor.WidenBF16(tensor.RoundBF16(float32(v)))) },
		tensor.F16:  func(v float64) float64 { return float64(tensor.WidenF16(tensor.RoundF16(float32(v)))) },
		tensor.F32:  func(v float64) float64 { return float64(float32(v)) },
		tensor.F64:  func(v float64) float64 { return v },
	} {
		unit := math.Ldexp(1, 1-dtype.SignificantBits())
		if rounded(1+unit/2) != 1 || rounded(1+unit) != 1+unit {
			t.Errorf("%s does not have %d significant bits", dtype, dtype.SignificantBits())
		}
	}
	if n := tensor.Invalid.SignificantBits(); n != 0 {
		t.Errorf("no type has %d significant bits", n)
	}
}
