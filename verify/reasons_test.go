//go:build !race

package verify_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestVerify_Unexplained changes recordings in ways that no hypothesis explains, and makes sure that this is said, and that no side is blamed.
func TestVerify_Unexplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tap, stage, says, advice string
		logitsAlone              bool
	}{
		"a block":      {"blocks.1", "blocks.1", "no reason was found for blocks.1", "record blocks.1.attn", false},
		"the pool":     {"pool", "pool", "no reason was found for pool", "", false},
		"logits alone": {"logits", blame.WholeModel, "hypotheses about the whole model", "record every stage", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, "digits_p16_64.passl.float32")
			a, _ := g.Recording.Activation(c.tap)
			for i, v := range a.Values {
				a.Values[i] += 0.3 * math.Sin(37*v)
			}
			if c.logitsAlone {
				g.Recording.Activations = g.Recording.Activations[len(g.Recording.Activations)-1:]
			}
			r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
			at := slices.IndexFunc(r.Findings, func(f blame.Finding) bool { return f.Hypothesis == blame.Unexplained })
			if at < 0 {
				t.Fatalf("findings %+v", r.Findings)
			}
			if f := r.Findings[at]; f.Side != "" || f.Stage != c.stage || !strings.Contains(f.Sentence, c.says) || !strings.Contains(f.Advice, c.advice) || f.Without <= f.Tolerance {
				t.Errorf("%+v", f)
			}
			_, err := r.Repair(g.Weights, false)
			if err == nil || !strings.Contains(err.Error(), "the reason was not found") {
				t.Errorf("repair: %v", err)
			}
		})
	}
}

// TestVerify_Absent makes sure that parameters which the recorded architecture has, and the checkpoint has not, are named.
func TestVerify_Absent(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "tiny_p16_32.unilm.float64")
	g.Config.LayerScale = false
	g.Weights = slices.DeleteFunc(slices.Clone(g.Weights), func(w tensor.Named) bool { return strings.Contains(w.Name, "gamma_") })
	r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
	if len(r.Findings) != 1 || r.Findings[0].Stage != blame.WholeModel || len(r.Findings[0].Tensors) != 4 {
		t.Fatalf("findings %+v", r.Findings)
	}
	if want := "the checkpoint lacks gamma_1, gamma_2, which tiny_p16_32, the architecture that the recording names, has"; r.Blame != want {
		t.Errorf("blame %q", r.Blame)
	}
}

// TestVerify_ConstantRecording makes sure that a recording of zeros is not taken for a result.
func TestVerify_ConstantRecording(t *testing.T) {
	t.Parallel()
	for _, tap := range []string{"embed", "blocks.1", "logits"} {
		g := verifytest.One(t, "digits_p16_64.passl.float32")
		a, _ := g.Recording.Activation(tap)
		clear(a.Values)
		r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
		if len(r.Findings) == 0 || r.Findings[0].Hypothesis != blame.ConstantRecording || r.Findings[0].Side != blame.Recording || r.Findings[0].Stage != tap {
			t.Errorf("%s: %+v", tap, r.Findings)
		}
	}
}

// TestVerify_BlameLooksAtTheBadImage changes one image of a recording, so that the weights cannot be the reason. The others are right.
func TestVerify_BlameLooksAtTheBadImage(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	a, _ := g.Recording.Activation("blocks.1")
	a.Values[2*len(a.Values)/4+7] += 0.5
	r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
	if r.OK || r.FirstDivergence != "blocks.1" || !strings.HasPrefix(r.Blame, "no reason was found") {
		t.Errorf("ok %v, first divergence %q, blame %q", r.OK, r.FirstDivergence, r.Blame)
	}
}
