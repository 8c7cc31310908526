package convert_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
)

// What a whole module states about how it computes counts, and none of it is guessed. testdata/modules/make.py has the figures.
func TestOpen_ModuleStates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file    string
		epsilon float64
		labels  []string
		problem card.Problem
	}{
		{"transformers.pth", 1e-5, []string{"ant", "bee", "cat"}, card.MultiLabel},
		{"epsilon.pth", 1e-5, nil, ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			model, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", c.file), convert.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			if got := model.Config; got.Epsilon != c.epsilon || got.ImageHeight != 16 || got.ImageWidth != 32 || got.Heads != 2 {
				t.Errorf("%+v", got)
			}
			if diff := cmp.Diff(c.labels, model.Labels); diff != "" || model.Problem != c.problem {
				t.Errorf("problem type %q, labels: %s", model.Problem, diff)
			}
			for _, item := range []card.Item{card.Epsilon, card.Window, card.Activation} {
				if model.From[item] != card.Module {
					t.Errorf("%s is from %s", item, model.From[item])
				}
			}
		})
	}
}

// A whole module that computes something else than a BEiT is refused, and the modules in question are named.
func TestOpen_ModuleComputesOtherwise(t *testing.T) {
	t.Parallel()
	open := func(file string, options convert.OpenOptions) error {
		model, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", file), options)
		if err == nil {
			model.Close()
		}
		return err
	}
	for file, says := range map[string]string{
		"relu.pth":     `the activation "blocks.1.mlp.act" is "ReLU"`,
		"tanh.pth":     `the activation "blocks.1.mlp.act" is GELU with the approximation "tanh"`,
		"epsilons.pth": `different epsilons: 1e-06 in "blocks.0.norm1", 0.001 in "blocks.1.norm2"`,
	} {
		var problem *convert.ModuleError
		if err := open(file, convert.OpenOptions{}); !errors.As(err, &problem) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := open("transformers_relu.pth", convert.OpenOptions{}); err == nil || !strings.Contains(err.Error(), `the model's activation is "relu"`) {
		t.Error(err)
	}
	model, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", "epsilons.pth"), convert.OpenOptions{Epsilon: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if warnings := strings.Join(model.Input().Warnings, "\n"); !strings.Contains(warnings, `0.001 in "blocks.1.norm2"`) {
		t.Errorf("warnings: %s", warnings)
	}
}
