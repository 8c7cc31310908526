//go:build !race

package blame

import (
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// logitsOf returns the case of the logits alone.
func logitsOf(t *testing.T, weights []tensor.Named) Case {
	t.Helper()
	config := configs()[0]
	seen, _ := run(t, config, weights, nil, false)
	c := caseAt(config, seen, engine.Stage{Kind: engine.Logits}, false)
	c.Before = nil
	return c
}

// findFrom searches in weights for what explains a case of logits alone.
func findFrom(t *testing.T, weights []tensor.Named, c Case) []Finding {
	t.Helper()
	s, err := NewSearch(configs()[0], weights)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFind_SolvedFromLogits computes references under some of the mistakes that only solvers find where there are activations, in one block and in all.
func TestFind_SolvedFromLogits(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	weights := drawn(config)
	for i, h := range slices.Concat(solved(), exchangingBlocks(0, 2)) {
		if i%6 != 0 {
			continue
		}
		t.Run(h.says, func(t *testing.T) {
			t.Parallel()
			whole := i%12 == 0 || strings.Contains(h.says, "exchanged")
			seen, applied := run(t, config, weights, &h, whole)
			if !applied {
				t.Fatal("it does not apply")
			}
			c := caseAt(config, seen, engine.Stage{Kind: engine.Logits}, false)
			c.Before = nil
			found := findFrom(t, weights, c)
			// Another mistake of that name may compute the same: for three blocks, the reverse order is an exchange.
			if len(found) != 1 || found[0].Hypothesis != h.name || (found[0].Stage == WholeModel) != whole {
				t.Errorf("found %+v", found)
			}
		})
	}
}

// TestFind_LostFromLogits loses a parameter, of which nothing but the file tells.
func TestFind_LostFromLogits(t *testing.T) {
	t.Parallel()
	original := drawn(configs()[0])
	c := logitsOf(t, original)
	for _, lost := range []struct{ name, tensor, from, hypothesis string }{
		{"a bias of zero", "blocks.1.attn.v_bias", "", "zero"},
		{"a weight of zero", "blocks.0.mlp.fc2.weight", "", "zero"},
		{"a weight of another block", "blocks.2.attn.proj.weight", "blocks.1.attn.proj.weight", "copy"},
	} {
		t.Run(lost.name, func(t *testing.T) {
			t.Parallel()
			spoilt := planted(slices.Clone(original))
			spoilt.change(lost.tensor, func(values []float64, _ int) []float64 {
				if lost.from == "" {
					return make([]float64, len(values))
				}
				other, _ := tensor.Float64s(spoilt[slices.IndexFunc(spoilt, func(n tensor.Named) bool { return n.Name == lost.from })].View)
				return other
			})
			found := findFrom(t, spoilt, c)
			if len(found) != 1 || found[0].Hypothesis != lost.hypothesis || !slices.Contains(found[0].Tensors, lost.tensor) || len(found[0].Edits) > 0 ||
				!strings.Contains(found[0].Sentence, "nothing else in the file is odd") {
				t.Errorf("found %+v", found)
			}
		})
	}
}

// TestFind_OddButNotTheReason gives logits that are much further away than the parameter that the file shows to be lost can move them.
func TestFind_OddButNotTheReason(t *testing.T) {
	t.Parallel()
	weights := planted(drawn(configs()[0]))
	c := logitsOf(t, weights)
	for i := range c.After.Values {
		c.After.Values[i] += float64(i*i%7) * 1e4
	}
	weights.change("blocks.1.attn.v_bias", func(values []float64, _ int) []float64 { return make([]float64, len(values)) })
	if found := findFrom(t, weights, c); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}
