package verify_test

import (
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// withBranches returns the recording with the attention branches that a correct model computes from the recorded stream.
func withBranches(t *testing.T, g verifytest.Golden) *recording.Recording {
	t.Helper()
	parts, err := native.Engine{}.Parts(g.Config, g.Weights, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	var all []engine.Activation
	for _, a := range g.Recording.Activations {
		stage, err := engine.ParseStage(a.Name)
		if err != nil {
			t.Fatal(err)
		}
		if stage.Kind == engine.Block {
			part, err := parts.Load(stage)
			if err != nil {
				t.Fatal(err)
			}
			block, err := part(t.Context(), engine.Input{}, all[len(all)-1])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, block[0])
		}
		all = append(all, a)
	}
	return changed(g.Recording, all...)
}

// TestVerify_RestOfBlock makes sure that a block whose branch alone is wrong does not fail alone, and that it does if what follows is wrong, too.
func TestVerify_RestOfBlock(t *testing.T) {
	t.Parallel()
	for name, alone := range map[string]string{
		"blocks.1.attn.proj.weight":                       "blocks.1.attn",
		"blocks.1.attn.proj.weight blocks.1.mlp.fc1.bias": "blocks.1.attn blocks.1",
		"blocks.1.mlp.fc1.bias":                           "blocks.1",
	} {
		g := verifytest.One(t, "digits_p16_64.unilm.float64")
		reference := verify.Recorded(g.Name, withBranches(t, g))
		for parameter := range strings.FieldsSeq(name) {
			g.Weights = spoil(t, g.Weights, parameter, func(v []float32) {
				for i := range v {
					v[i] = -v[i]
				}
			})
		}
		r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), reference, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var fail, blamed []string
		for _, tap := range r.Taps {
			if !tap.Local.OK {
				fail = append(fail, tap.Name)
			}
		}
		for _, f := range r.Findings {
			blamed = append(blamed, f.Tensors...)
		}
		if got := strings.Join(fail, " "); got != alone {
			t.Errorf("%s: alone fail %q, want %q", name, got, alone)
		}
		if got := strings.Join(blamed, " "); got != name {
			t.Errorf("%s: blamed %q", name, got)
		}
	}
}
