package verify_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestVerify_GuessedEpsilon makes sure that nobody is blamed for an epsilon that was only guessed and that the reference states otherwise.
func TestVerify_GuessedEpsilon(t *testing.T) {
	t.Parallel()
	for _, guessed := range []bool{true, false} {
		g := verifytest.One(t, "digits_p16_64.hf.float64")
		g.Config.Epsilon = 1e-6
		s := subject(g, tensor.Invalid)
		s.EpsilonGuessed = guessed
		r, err := verify.Verify(t.Context(), s, verify.Recorded(g.Name, g.Recording), verify.Options{})
		if err != nil || len(r.Findings) == 0 || r.Findings[0].Hypothesis != "epsilon" || r.Advice != (verify.Advice{Epsilon: 1e-12, Stated: true}) {
			t.Fatalf("%+v, %v", r, err)
		}
		f := r.Findings[0]
		if says := strings.Contains(f.Sentence, "the reference states 1e-12, and 1e-06 is a guess"); says != guessed || (f.Side == blame.Program) != !guessed {
			t.Errorf("guessed %t: %q, side %q", guessed, f.Sentence, f.Side)
		}
	}
}

// TestVerify_EpsilonOfOneNorm makes sure that no other epsilon is advised for a model if one norm alone agrees with it.
func TestVerify_EpsilonOfOneNorm(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.unilm.float64")
	stream, _ := g.Recording.Activation("blocks.2")
	pooled, _ := g.Recording.Activation("pool")
	pooled.Values = pooledWith(t, g, stream, 1e-5)
	kept := slices.DeleteFunc(slices.Clone(g.Recording.Activations), func(a engine.Activation) bool { return a.Name == "pool" || a.Name == "logits" })
	recorded := changed(g.Recording, append(kept, pooled)...)
	recorded.Epsilon = 0
	r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded("one norm", recorded), verify.Options{})
	if err != nil || r.OK || len(r.Findings) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	f := r.Findings[0]
	if f.Stage != "pool" || f.Hypothesis != "epsilon" || f.Epsilon != 0 || r.Advice.Epsilon != 0 || !strings.Contains(f.Sentence, "1e-05, not 1e-06, there alone") {
		t.Errorf("%+v", f)
	}
}

// pooledWith returns the mean of the patches after a LayerNorm with that epsilon.
func pooledWith(t *testing.T, g verifytest.Golden, stream engine.Activation, epsilon float64) (all []float64) {
	t.Helper()
	vector := func(name string) []float64 {
		at := slices.IndexFunc(g.Weights, func(w tensor.Named) bool { return w.Name == name })
		values, err := tensor.Float64s(g.Weights[at].View)
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	weight, bias := vector("fc_norm.weight"), vector("fc_norm.bias")
	tokens, width := stream.Shape[1], stream.Shape[2]
	for image := range slices.Chunk(stream.Values, tokens*width) {
		mean := make([]float64, width)
		for i, v := range image[width:] {
			mean[i%width] += v / float64(tokens-1)
		}
		var first, second float64
		for _, v := range mean {
			first += v / float64(width)
		}
		for _, v := range mean {
			second += (v - first) * (v - first) / float64(width)
		}
		for i, v := range mean {
			all = append(all, (v-first)/math.Sqrt(second+epsilon)*weight[i]+bias[i])
		}
	}
	return all
}
