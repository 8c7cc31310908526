package verify_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// subject returns the model of a recording, run by the native engine.
func subject(g verifytest.Golden, dtype tensor.DType) verify.Subject {
	return verify.Subject{Name: "subject", Config: g.Config, Weights: g.Weights, Engine: native.Engine{}, Options: engine.Options{DType: dtype}}
}

func run(t *testing.T, s verify.Subject, reference verify.Reference) *verify.Result {
	t.Helper()
	result, err := verify.Verify(t.Context(), s, reference, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// multiple returns the largest difference at a tap divided by the noise, or by the lower limit of the noise.
func multiple(p verify.Precision, t verify.Tap) float64 { return t.MaxAbs / t.Tolerance * p.Multiple }

// hasInputs reports whether a recording has everything from which a stage is computed.
func hasInputs(t *testing.T, g verifytest.Golden, name string) bool {
	t.Helper()
	stage, err := engine.ParseStage(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range stage.Inputs(g.Config) {
		if !slices.ContainsFunc(g.Recording.Activations, func(a engine.Activation) bool { return a.Name == input.String() }) {
			return false
		}
	}
	return true
}

// TestVerify_Margins checks the figures of docs/tolerance.md: in every dtype, right models stay below half of the tolerance, and each of
// their stages alone below half of its limits.
func TestVerify_Margins(t *testing.T) {
	t.Parallel()
	for _, g := range verifytest.Small(t) {
		for _, dtype := range []tensor.DType{tensor.Invalid, tensor.F32, tensor.F16, tensor.BF16} {
			t.Run(fmt.Sprintf("%s/%s", g.Name, dtype), func(t *testing.T) {
				t.Parallel()
				r := run(t, subject(g, dtype), verify.Recorded(g.Name, g.Recording))
				for _, tap := range r.Taps {
					if m := multiple(r.Precision, tap); !tap.OK || m > r.Precision.Multiple/2 {
						t.Errorf("%s is off by %.2f times the noise of %s", tap.Name, m, r.Precision.DType)
					}
					if tap.ToleranceRMS > 0 && tap.RMS > tap.ToleranceRMS/2 {
						t.Errorf("%s is off by a root mean square of %.3g, more than half of the tolerance %.3g", tap.Name, tap.RMS, tap.ToleranceRMS)
					}
					if tap.Local == nil && hasInputs(t, g, tap.Name) || tap.Local != nil && (!tap.Local.OK || tap.Local.Share > 0.5) {
						t.Errorf("%s alone: %+v", tap.Name, tap.Local)
					}
				}
				// In half precision the two largest logits of a token may round to the same value.
				least := r.Agreement.Rows
				if r.DType == tensor.BF16 || r.DType == tensor.F16 {
					least -= r.Agreement.Rows / 20
				}
				if r.Agreement.Rows == 0 || r.Agreement.Top1 < least || !r.OK || r.FirstDivergence != "" || r.Blame != "" {
					t.Errorf("agreement %+v, first divergence %q, reason %q", r.Agreement, r.FirstDivergence, r.Blame)
				}
			})
		}
	}
}

// TestVerify_SegmentationMargins checks the same figures for UPerNet.
func TestVerify_SegmentationMargins(t *testing.T) {
	t.Parallel()
	alone := 0
	for _, g := range verifytest.Segmenters(t) {
		r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording), verify.Options{NoBlame: true})
		if err != nil || !r.OK || len(r.Taps) != len(g.Recording.Activations) {
			t.Fatalf("%s: %d of %d taps, %v", g.Name, len(r.Taps), len(g.Recording.Activations), err)
		}
		for _, tap := range r.Taps {
			if m := multiple(r.Precision, tap); m > r.Precision.Multiple/2 {
				t.Errorf("%s: %s is off by %.2f times the noise of %s", g.Name, tap.Name, m, r.Precision.DType)
			}
			if tap.Local != nil {
				alone++
				if !tap.Local.OK || tap.Local.Share > 0.55 { // one block of one model takes 0.51
					t.Errorf("%s: %s alone: %.2f of its limit", g.Name, tap.Name, tap.Local.Share)
				}
			}
		}
	}
	if alone < 6*18 { // all but embed, which has the input
		t.Errorf("%d stages were checked alone", alone)
	}
}

// TestVerify_WrongEpsilon runs models with Hugging Face's epsilon, the mistake with the smallest effect that is known. They must exceed the tolerance by at
// least half, in float64 and float32, from the first block on, and the epsilon must be named.
func TestVerify_WrongEpsilon(t *testing.T) {
	t.Parallel()
	for _, g := range verifytest.Small(t) {
		if g.Recording.Epsilon != arch.EpsilonHF {
			continue
		}
		for _, dtype := range []tensor.DType{tensor.Invalid, tensor.F32} {
			t.Run(fmt.Sprintf("%s/%s", g.Name, dtype), func(t *testing.T) {
				t.Parallel()
				s := subject(g, dtype)
				s.Config.Epsilon = arch.Epsilon
				r := run(t, s, verify.Recorded(g.Name, g.Recording))
				if r.OK || r.FirstDivergence != "blocks.0" {
					t.Errorf("ok %v, first divergence %q", r.OK, r.FirstDivergence)
				}
				for _, tap := range r.Taps[1:] {
					if m := multiple(r.Precision, tap); tap.OK || m < r.Precision.Multiple*1.5 {
						t.Errorf("%s is off by %.1f times the noise only", tap.Name, m)
					}
				}
				if !strings.Contains(r.Blame, "epsilon is 1e-12, not 1e-06") || r.Advice != (verify.Advice{Epsilon: arch.EpsilonHF, Stated: true}) {
					t.Errorf("blame %q, advice %+v", r.Blame, r.Advice)
				}
			})
		}
	}
}

// TestVerify_SmallFaults plants faults that are lost in the rounding of the whole run. They show at the stage where they are.
func TestVerify_SmallFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parameter string
		change    func([]float32)
	}{
		"one weight is off":            {"blocks.1.mlp.fc2.weight", func(v []float32) { v[100] += 3e-5 }},
		"a bias is off in one channel": {"blocks.1.attn.proj.bias", func(v []float32) { v[7] += 5e-6 }},
		"a bit of a mantissa": {"blocks.1.mlp.fc1.weight", func(v []float32) {
			at := 0
			for i := range v {
				if math.Abs(float64(v[i])) > math.Abs(float64(v[at])) {
					at = i
				}
			}
			v[at] = math.Float32frombits(math.Float32bits(v[at]) ^ 1<<10)
		}},
		"a bias is scaled": {"blocks.1.attn.q_bias", func(v []float32) {
			for i := range v {
				v[i] *= 1 + 2e-5
			}
		}},
	} {
		for _, recorded := range []string{"digits_p16_64.passl.float32", "digits_p16_64.timm.float32", "digits_p16_64.unilm.float32", "digits_p16_64.hf.float32"} {
			t.Run(name+"/"+recorded, func(t *testing.T) {
				t.Parallel()
				g := verifytest.One(t, recorded)
				g.Weights = spoil(t, g.Weights, c.parameter, c.change)
				r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording), verify.Options{NoBlame: true})
				if err != nil {
					t.Fatal(err)
				}
				if r.OK || r.FirstDivergence != "blocks.1" {
					t.Errorf("ok %v, first divergence %q", r.OK, r.FirstDivergence)
				}
				for _, tap := range r.Taps {
					if tap.Local.OK == (tap.Name == "blocks.1") || !tap.OK {
						t.Errorf("%s: %g of its tolerance in the whole run, %g alone", tap.Name, tap.MaxAbs/tap.Tolerance, tap.Local.Share)
					}
				}
			})
		}
	}
}

// TestVerify_HalfStorage makes sure that a checkpoint stored in half precision has the tolerance of half precision, not that of float32.
func TestVerify_HalfStorage(t *testing.T) {
	t.Parallel()
	for file, dtype := range map[string]tensor.DType{"digits/digits_p16_64.f16.pth": tensor.F16, "digits/digits_p16_64.bf16.pth": tensor.BF16} {
		for _, recorded := range []string{"digits_p16_64.passl.float32", "digits_p16_64.unilm.float64"} {
			g := verifytest.One(t, recorded)
			whole := g.Weights
			g.Weights = verifytest.Weights(t, file)
			for name, reference := range map[string]verify.Reference{
				"recording":  verify.Recorded(g.Name, g.Recording),
				"checkpoint": verify.Against("whole", g.Config, whole),
			} {
				r := run(t, subject(g, tensor.Invalid), reference)
				if !r.OK || r.Precision.DType != dtype || r.MaxAbs == 0 {
					t.Errorf("%s against %s %s: ok %v, precision %s, off by %g", file, name, recorded, r.OK, r.Precision.DType, r.MaxAbs)
				}
			}
		}
	}
}
