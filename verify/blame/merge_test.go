package blame

import (
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// TestMerge looks for reasons in all blocks of a program that computes another activation, whose model has a head without bias, too.
func TestMerge(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	weights := drawn(config)
	activation := slices.IndexFunc(hypotheses(), func(h hypothesis) bool { return strings.Contains(h.says, "tanh") })
	wrong, _ := run(t, config, weights, &hypotheses()[activation], true)
	for i := range wrong["logits"].Values {
		wrong["logits"].Values[i] -= valuesIn(weights, "head.bias")[i%config.Classes]
	}
	s, err := NewSearch(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	var all []Finding
	for _, stage := range engine.Stages(config) {
		if stage.Kind == engine.Attention {
			continue
		}
		found, err := s.Find(t.Context(), caseAt(config, wrong, stage, false))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.DeleteFunc(found, func(f Finding) bool { return f.Hypothesis == Healthy })...)
	}
	merged := Merge(all, config.Depth)
	if len(all) != config.Depth+1 || len(merged) != 2 {
		t.Fatalf("%d findings, merged to %d: %+v", len(all), len(merged), merged)
	}
	if f := merged[0]; f.Stage != WholeModel || len(f.Stages) != config.Depth || !strings.HasPrefix(f.Sentence, "the model agrees with the reference if GELU is") {
		t.Errorf("%+v", f)
	}
	if f := merged[1]; f.Stage != "logits" || !slices.Equal(f.Stages, []string{"logits"}) || !slices.Equal(f.Tensors, []string{"head.bias"}) {
		t.Errorf("%+v", f)
	}
	if some := Merge(all[:2], config.Depth); len(some) != 1 || !strings.HasPrefix(some[0].Sentence, "blocks.0, blocks.1 agree with the reference if GELU is") {
		t.Errorf("%+v", some)
	}
}
