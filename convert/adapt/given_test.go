package adapt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
)

func TestApply_GivenHead(t *testing.T) {
	t.Parallel()
	given := &Given{Weight: make([]float64, 3*8), Bias: []float64{0.1, -2, 1e-9}, What: "fitted by somebody"}
	for i := range given.Weight {
		given.Weight[i] = float64(i) / 7
	}
	known := card.Card{Config: masked(), Facts: card.Facts{Labels: []string{"a"}, From: map[card.Item]card.Origin{card.Labels: card.Asked}}}
	result, values := apply(t, known, Options{Classes: 3, Given: given})
	for name, want := range map[string][]float64{"head.weight": given.Weight, "head.bias": given.Bias} {
		for i := range want {
			if got := values[name][i]; got != float64(float32(want[i])) {
				t.Errorf("%s[%d] is %v, want %v in float32", name, i, got, want[i])
			}
		}
	}
	if result.Card.Config.Classes != 3 || result.Card.Labels != nil {
		t.Errorf("%d classes, labels %q", result.Card.Config.Classes, result.Card.Labels)
	}
	last := result.Steps[len(result.Steps)-1]
	if last.Name != StepHead || !strings.HasSuffix(last.What, "by a head of 3 classes, fitted by somebody") || !slices.Equal(last.Rounded, []string{"head.bias", "head.weight"}) &&
		!slices.Equal(last.Rounded, []string{"head.weight", "head.bias"}) {
		t.Errorf("last step is %+v", last)
	}
	if slices.ContainsFunc(result.Notes, func(note string) bool { return strings.Contains(note, "fresh") }) {
		t.Errorf("the head is called fresh: %q", result.Notes)
	}
	for name, wrong := range map[string]Options{
		"another width":   {Classes: 3, Given: &Given{Weight: make([]float64, 3*7), Bias: make([]float64, 3)}},
		"no biases":       {Classes: 3, Given: &Given{Weight: make([]float64, 3*8)}},
		"two heads":       {Classes: 3, Head: ZeroHead, Given: given},
		"another number":  {Classes: 4, Given: given},
		"without classes": {Given: given},
	} {
		_, err := Apply(known, nil, wrong)
		if problem := (*OptionsError)(nil); !errors.As(err, &problem) || problem.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
