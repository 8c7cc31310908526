//go:build !race

package verify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestRecorded_Headless verifies the body of a model with what PASSL recorded of it, in the forms in which programs record a model without a head.
func TestRecorded_Headless(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	g.Config.Classes, g.Config.Name = 0, ""
	g.Weights = slices.DeleteFunc(slices.Clone(g.Weights), func(w tensor.Named) bool { return w.Name == "head.weight" || w.Name == "head.bias" })
	pooled, _ := g.Recording.Activation("pool")
	block, _ := g.Recording.Activation("blocks.2")
	called := pooled
	called.Name = "logits"
	wrong := called
	wrong.Values = slices.Clone(called.Values)
	wrong.Values[7] += 1
	for _, c := range []struct {
		name        string
		activations []engine.Activation
		ok          bool
	}{
		{"pool alone", []engine.Activation{block, pooled}, true},
		{"what it returns called logits", []engine.Activation{block, called}, true},
		{"both", []engine.Activation{block, pooled, called}, true},
		{"wrong logits alone", []engine.Activation{block, wrong}, false},
	} {
		r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded(c.name, changed(g.Recording, c.activations...)), verify.Options{})
		if err != nil || r.OK != c.ok || len(r.Taps) != 2 || r.Taps[1].Name != "pool" {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
	var mismatch *verify.MismatchError
	if _, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded("logits", g.Recording), verify.Options{}); !errors.As(err, &mismatch) || mismatch.What != "logits" {
		t.Errorf("logits of a head that the model does not have: %v", err)
	}
	if _, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded("both", changed(g.Recording, block, pooled, wrong)), verify.Options{}); !errors.As(err, &mismatch) {
		t.Errorf("logits that are not pool beside it: %v", err)
	}
}

// TestRecorded_AllTokens makes sure that of all tokens after the last norm those are compared that the head is given: of this model the class token.
func TestRecorded_AllTokens(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	g.Config.Classes, g.Config.Name, g.Config.Pooling = 0, "", arch.ClassToken
	g.Weights = slices.DeleteFunc(slices.Clone(g.Weights), func(w tensor.Named) bool { return w.Name == "head.weight" || w.Name == "head.bias" })
	for i, w := range g.Weights {
		if base, norm := map[string]string{"fc_norm.weight": "norm.weight", "fc_norm.bias": "norm.bias"}[w.Name]; norm {
			g.Weights[i].Name = base
		}
	}
	s := subject(g, tensor.F64)
	model, err := s.Engine.Load(t.Context(), g.Config, g.Weights, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	result, err := model.Forward(t.Context(), engine.Input{Pixels: g.Recording.Pixels}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, tokens, width := g.Recording.Images, g.Config.Tokens(), g.Config.EmbedDim
	all := engine.Activation{Name: "pool", Shape: tensor.Shape{n, tokens, width}, Values: make([]float64, n*tokens*width)}
	for image := range n {
		copy(all.Values[image*tokens*width:], result.Values[image*width:(image+1)*width])
	}
	if r := run(t, s, verify.Recorded("all tokens", changed(g.Recording, all))); !r.OK || len(r.Taps) != 1 {
		t.Errorf("%+v", r)
	}
	all.Values[0] += 1
	if r := run(t, s, verify.Recorded("all tokens", changed(g.Recording, all))); r.OK {
		t.Error("a wrong class token passes")
	}
}

// TestRecorded_TwoFaultsOfABlock plants a fault in two blocks, and another one beside it in one of them. Each is told once, in its own words.
func TestRecorded_TwoFaultsOfABlock(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.unilm.float64")
	negate := func(v []float32) {
		for i := range v {
			v[i] = -v[i]
		}
	}
	g.Weights = spoil(t, g.Weights, "blocks.0.attn.proj.weight", transpose(48))
	g.Weights = spoil(t, g.Weights, "blocks.1.attn.proj.weight", transpose(48))
	g.Weights = spoil(t, g.Weights, "blocks.1.attn.v_bias", negate)
	r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
	var sentences []string
	for _, f := range r.Findings {
		sentences = append(sentences, f.Sentence)
	}
	want := []string{
		"blocks.0, blocks.1 agree with the reference if attn.proj.weight is transposed, and the other fault is mended, too",
		"blocks.1 agrees with the reference if attn.v_bias is negated, and the other fault is mended, too",
	}
	if !slices.Equal(sentences, want) {
		t.Errorf("%q", sentences)
	}
}

// TestRecorded_BranchFromElsewhere has the recording of a right port, whose module that is called attention ends before the projection: that is a matter of what
// was recorded, with the right weights and with wrong ones, whose fault is told beside it.
func TestRecorded_BranchFromElsewhere(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.unilm.float64")
	recorded, err := recording.Read(t.Context(), verifytest.Path(t, "elsewhere/attention_before_proj.recording.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := *recorded
	damaged.Activations = slices.Clone(recorded.Activations)
	for i, a := range damaged.Activations {
		if a.Name == "blocks.1.attn" {
			a.Values = slices.Clone(a.Values)
			slices.Reverse(a.Values)
			damaged.Activations[i] = a
		}
	}
	const before = "recording: the model agrees with the reference if the attention branch is taken before attn.proj: so it was recorded, and what is added to the stream is another"
	for name, c := range map[string]struct {
		recorded *recording.Recording
		spoiled  string
		want     []string
	}{
		"the right model": {recorded, "", []string{before}},
		"a wrong MLP":     {recorded, "blocks.1.mlp.fc2.weight", []string{before, "checkpoint: blocks.1 agrees with the reference if mlp.fc2.weight is negated"}},
		"wrong values": {recorded, "blocks.1.attn.v_bias", []string{
			strings.Replace(before, "the model agrees", "blocks.0.attn, blocks.2.attn agree", 1), "checkpoint: blocks.1 agrees with the reference if attn.v_bias is negated",
		}},
		"a damaged branch": {&damaged, "", []string{
			strings.Replace(before, "the model agrees", "blocks.0.attn, blocks.2.attn agree", 1),
			"recording: blocks.1.attn agrees with the reference if what was recorded as the attention branch is left out: it is something else, or damaged, since the stream " +
				"after the block agrees",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := g
			g.Config.Epsilon = recorded.Epsilon
			if c.spoiled != "" {
				g.Weights = spoil(t, g.Weights, c.spoiled, func(v []float32) {
					for i := range v {
						v[i] = -v[i]
					}
				})
			}
			r := run(t, subject(g, tensor.Invalid), verify.Recorded(name, c.recorded))
			var got []string
			for _, f := range r.Findings {
				got = append(got, string(f.Side)+": "+f.Sentence)
			}
			if r.OK || !slices.Equal(got, c.want) {
				t.Errorf("ok %v, %q", r.OK, got)
			}
		})
	}
}
