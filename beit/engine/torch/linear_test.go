//go:build libtorch

package torch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
)

// All layouts give the same products, also where a row can't be divided for a convolution, and nearly the same if x is of bfloat16 and widened. A weight that MKL packed for
// another number of rows gives NaN.
func TestLinear_Layouts(t *testing.T) {
	t.Parallel()
	for _, in := range []int{10 * convolutionWindow, 10*convolutionWindow + 2} {
		t.Run(fmt.Sprint(in), func(t *testing.T) { compareLayouts(t, in) })
	}
}

// compareLayouts compares the products of layers that have that many inputs.
func compareLayouts(t *testing.T, in int) {
	const rows, out = 21, 33
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = tensor.WidenBF16(tensor.RoundBF16(float32(random.NormFloat64())))
		}
		return values
	}
	x, weight, bias := draw((rows+1)*in), draw(out*in), draw(out)
	layouts := map[string]layout{"row major": rowMajor}
	if packable(float32s) {
		layouts["for oneDNN"] = forOneDNN
	}
	if packableForMKL(float32s) {
		layouts["for MKL"] = forMKL
	}
	if packableAsConvolution(float32s) {
		layouts["as convolution"] = asConvolution
	}
	machine := newThread(1)
	t.Cleanup(machine.close)
	compare := func(name string, layout layout, widened bool) {
		given, allowed := float32s, 1e-5
		if widened {
			name, given, allowed = name+", widened", bfloat16, 0x1p-8
		}
		var got, other []float64
		if err := machine.compute(t.Context(), func(s *scope) {
			layer := s.layer(func(s *scope) value { return s.floats(weight, out, int64(in)) }, s.floats(bias, out), rows, out, int64(in), float32s, layout)
			layer.widened = widened
			got = s.read(layer.apply(s, s.cast(s.floats(x[:rows*in], rows, int64(in)), given)), rows*out)
			other = s.read(layer.apply(s, s.cast(s.floats(x, rows+1, int64(in)), given)), (rows+1)*out)
			active := s.read(layer.applyGELU(s, s.cast(s.floats(x[:rows*in], rows, int64(in)), given)), rows*out)
			for i, value := range active {
				if want := got[i] / 2 * math.Erfc(-got[i]/math.Sqrt2); !(math.Abs(value-want) <= 2*allowed*(1+math.Abs(want))) {
					t.Errorf("%s: GELU of %g is %g, not %g", name, got[i], value, want)
				}
			}
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, value := range got {
			want := float64(bias[i%out])
			for j := range in {
				want += float64(x[i/out*in+j]) * float64(weight[i%out*in+j])
			}
			if math.IsNaN(value) || math.Abs(value-want) > allowed*(1+math.Abs(want)) {
				t.Fatalf("%s: value %d is %g, not %g", name, i, value, want)
			}
		}
		if layout == forMKL != math.IsNaN(other[0]) {
			t.Errorf("%s: with another number of rows the first value is %g", name, other[0])
		}
	}
	for name, layout := range layouts {
		compare(name, layout, false)
		if supported(bfloat16) {
			compare(name, layout, true)
		}
	}
}
