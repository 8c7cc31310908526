//go:build !race

package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestResult_RepairRestoresBits plants faults that move or negate values, one or several at once, and wants the very bits of the trained weights back.
func TestResult_RepairRestoresBits(t *testing.T) {
	t.Parallel()
	type fault struct {
		parameter string
		change    func([]float32)
	}
	rotateRows := func(width, by int) func([]float32) {
		return func(v []float32) { rotate(v, 0, by*width) }
	}
	negate := func(v []float32) {
		for i := range v {
			v[i] = -v[i]
		}
	}
	for name, faults := range map[string][]fault{
		"a projection transposed":     {{"blocks.1.attn.proj.weight", transpose(48)}},
		"classes rotated":             {{"head.weight", rotateRows(48, 3)}, {"head.bias", rotateRows(1, 3)}},
		"fc2 negated":                 {{"blocks.2.mlp.fc2.weight", negate}},
		"two blocks, the same":        {{"blocks.0.attn.proj.weight", transpose(48)}, {"blocks.2.attn.proj.weight", transpose(48)}},
		"two blocks, different kinds": {{"blocks.0.attn.proj.weight", transpose(48)}, {"blocks.2.mlp.fc2.weight", negate}},
		"a block and the head":        {{"blocks.1.mlp.fc2.weight", negate}, {"head.weight", rotateRows(48, 1)}, {"head.bias", rotateRows(1, 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, "digits_p16_64.unilm.float64")
			right := g.Weights
			for _, f := range faults {
				g.Weights = spoil(t, g.Weights, f.parameter, f.change)
			}
			reference := verify.Recorded(g.Name, g.Recording)
			r := run(t, subject(g, tensor.Invalid), reference)
			repair, err := r.Repair(g.Weights, false)
			if err != nil {
				t.Fatalf("%v; findings %+v", err, r.Findings)
			}
			if len(repair.Restored) != len(faults) || len(repair.Remaining) > 0 {
				t.Errorf("restored %+v, remaining %+v", repair.Restored, repair.Remaining)
			}
			for _, done := range repair.Restored {
				if done.Rounded > 0 || done.Says == "" || !slices.ContainsFunc(faults, func(f fault) bool { return f.parameter == done.Tensor }) {
					t.Errorf("restored %+v", done)
				}
			}
			for i, w := range right {
				if got := repair.Weights[i]; got.Name != w.Name || got.DType != w.DType || !bytes.Equal(bitsOf(t, got.View), bitsOf(t, w.View)) {
					t.Errorf("%s is not what it was", w.Name)
				}
			}
			g.Weights = repair.Weights
			if again := run(t, subject(g, tensor.Invalid), reference); !again.OK {
				t.Errorf("the repaired model is not verified: first at %s", again.FirstDivergence)
			}
		})
	}
}

// TestResult_RepairNeedsTrust plants the factor in the queries of all blocks that a program without 1/√d makes: it is undone only with trust in the reference.
func TestResult_RepairNeedsTrust(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.unilm.float64")
	for block := range g.Config.Depth {
		prefix := fmt.Sprintf("blocks.%d.attn.", block)
		for name, count := range map[string]int{"qkv.weight": 48 * 48, "q_bias": 48} {
			g.Weights = spoil(t, g.Weights, prefix+name, func(v []float32) {
				for i := range count {
					v[i] /= 4
				}
			})
		}
	}
	reference := verify.Recorded(g.Name, g.Recording)
	r := run(t, subject(g, tensor.Invalid), reference)
	if len(r.Findings) != 1 || r.Findings[0].Side != blame.Either || r.Findings[0].Hypothesis != "query-scale" {
		t.Fatalf("findings %+v", r.Findings)
	}
	var nothing *verify.NothingToRestoreError
	if _, err := r.Repair(g.Weights, false); !errors.As(err, &nothing) || len(nothing.Remaining) != 1 || !strings.Contains(nothing.Hint(), "trust") {
		t.Errorf("without trust: %v", err)
	}
	repair, err := r.Repair(g.Weights, true)
	if err != nil || len(repair.Remaining) > 0 {
		t.Fatalf("with trust: %+v, %v", repair, err)
	}
	g.Weights = repair.Weights
	if again := run(t, subject(g, tensor.Invalid), reference); !again.OK {
		t.Errorf("the repaired model is not verified: first at %s", again.FirstDivergence)
	}
}

// TestResult_RepairHoldsToTheRoundingOfTheFile plants a layer scale that is folded in and kept: the products were rounded to float32, so that beside a reference in
// float64 the repaired model agrees to that only, if it is said which parameters were computed.
func TestResult_RepairHoldsToTheRoundingOfTheFile(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.unilm.float64")
	const block = "blocks.1."
	i := slices.IndexFunc(g.Weights, func(w tensor.Named) bool { return w.Name == block+"gamma_1" })
	gamma, err := tensor.Float64s(g.Weights[i].View)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"attn.proj.weight", "attn.proj.bias"} {
		g.Weights = spoil(t, g.Weights, block+name, func(v []float32) {
			for at := range v {
				v[at] *= float32(gamma[at/(len(v)/len(gamma))])
			}
		})
	}
	reference := verify.Recorded(g.Name, g.Recording)
	repair, err := run(t, subject(g, tensor.Invalid), reference).Repair(g.Weights, true)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(repair.Rounded, block+"attn.proj.weight") {
		t.Errorf("rounded %q", repair.Rounded)
	}
	g.Weights = repair.Weights
	mended := subject(g, tensor.Invalid)
	if run(t, mended, reference).OK {
		t.Error("verified to float64 though products were rounded to float32")
	}
	mended.Rounded = repair.Rounded
	if r := run(t, mended, reference); !r.OK || r.HoldsTo != tensor.F32 {
		t.Errorf("OK %v, holds to %s, first at %q", r.OK, r.HoldsTo, r.FirstDivergence)
	}
	mended.Weights = spoil(t, g.Weights, block+"attn.proj.weight", func(v []float32) { v[7] *= 1.01 })
	if run(t, mended, reference).OK {
		t.Error("a value that is 1 % off is verified")
	}
}

func bitsOf(t *testing.T, v tensor.View) []byte {
	t.Helper()
	raw, err := v.Data.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestResult_RepairRefuses has nothing to restore: all is well, only the program differs, or what is missing was lost.
func TestResult_RepairRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, recorded string
		spoil          func(t *testing.T, weights []tensor.Named) []tensor.Named
		ok             bool
		says, hint     string
	}{
		{"all is well", "digits_p16_64.unilm.float64", nil, true, "as it is", "as it is"},
		{"the epsilon", "digits_p16_64.hf.float64", nil, false, "the checkpoint has nothing to restore", "epsilon 1e-12"},
		{"a row of zeros", "digits_p16_64.unilm.float64", func(t *testing.T, weights []tensor.Named) []tensor.Named {
			t.Helper()
			return spoil(t, weights, "blocks.1.mlp.fc2.weight", func(v []float32) { clear(v[:48]) })
		}, false, "", "original"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, c.recorded)
			if c.spoil != nil {
				g.Weights = c.spoil(t, g.Weights)
			}
			g.Config.Epsilon = 1e-6
			_, err := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording)).Repair(g.Weights, false)
			var refused *verify.NothingToRestoreError
			if !errors.As(err, &refused) || refused.OK != c.ok || !strings.Contains(err.Error(), c.says) || !strings.Contains(refused.Hint(), c.hint) {
				t.Errorf("%v; hint %q", err, errdef.Hint(err))
			}
			if !errors.Is(errdef.Kind(err), errdef.ErrDiffers) {
				t.Errorf("kind %v", errdef.Kind(err))
			}
		})
	}
}
