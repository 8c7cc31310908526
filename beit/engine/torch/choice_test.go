//go:build libtorch

package torch

import (
	"math"
	"reflect"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

func TestChooseAttention(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		dtype dtype
		fast  bool
		fused bool
	}{
		{"beit_base_p16_384", float32s, true, true},
		{"beit_base_p16_384", float16, false, true},
		{"beit_base_p16_384", bfloat16, true, false},
		{"beit_base_p16_384", bfloat16, false, true},
		{"beit_large_p16_512", bfloat16, true, true},
	} {
		config, err := arch.ByName(c.name)
		if err != nil {
			t.Fatal(err)
		}
		want := plain
		if c.fused && haveFused() {
			want = fused
		}
		got := chooseAttention(&transformer{machine: &machine{device: cpu, dtype: c.dtype}, config: config}, c.fast)
		if reflect.ValueOf(got).Pointer() != reflect.ValueOf(want).Pointer() {
			t.Errorf("%s, dtype %d, fast %t: the wrong implementation of attention", c.name, c.dtype, c.fast)
		}
	}
}

// TestAttention_ImplementationsAgree compares each implementation in each dtype with plain in float64.
func TestAttention_ImplementationsAgree(t *testing.T) {
	t.Parallel()
	const heads, tokens, width = 3, 70, 16
	shape := tensor.Shape{2, heads, tokens, width}
	compute := func(d dtype, form attend) []float64 {
		thread := newThread(2)
		defer thread.close()
		var values []float64
		if err := thread.compute(t.Context(), func(s *scope) {
			x := s.permute(s.copyTo(s.floats(normal(3*2*heads*tokens*width), 2, tokens, 3, heads, width), cpu, d), 2, 0, 3, 1, 4)
			bias := s.copyTo(s.floats(normal(heads*tokens*tokens), 1, heads, tokens, tokens), cpu, d)
			y := form(s, s.pick(x, 0, 0), s.pick(x, 0, 1), s.pick(x, 0, 2), bias, width)
			s.checkShape("attention", y, shape)
			values = s.activation(engine.Stage{Kind: engine.Attention}, y, shape).Values
		}); err != nil {
			t.Fatal(err)
		}
		return values
	}
	want := compute(float64s, plain)
	// A few roundings of values of about 1; in half precision, scores of about 4 lose more.
	for d, allowed := range map[dtype]float64{float64s: 1e-14, float32s: 2e-6, float16: 5e-3, bfloat16: 5e-2} {
		if !supported(d) {
			continue
		}
		forms := map[string]attend{"plain": plain}
		if haveFused() {
			forms["fused"] = fused
		}
		for name, form := range forms {
			worst := 0.0
			for i, value := range compute(d, form) {
				worst = max(worst, math.Abs(value-want[i]))
			}
			t.Logf("%s, dtype %d: off by %.2g", name, d, worst)
			if worst > allowed {
				t.Errorf("%s, dtype %d: off by %.2g", name, d, worst)
			}
		}
	}
}
