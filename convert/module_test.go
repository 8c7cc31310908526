package convert_test

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
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
		"relu.pth":       `the activation "blocks.1.mlp.act" is "ReLU"`,
		"pool_empty.pth": `has no pooling (its global_pool is empty), so that its head gives classes for each token`,
		"pool_max.pth":   `pools the tokens by "max"`,
		"prefix.pth":     `takes the mean of all tokens but the first 0`,
		"scale.pth":      `"blocks.1.attn" multiplies its scores by 1, not 0.5`,
		"stride.pth":     `the stride of "patch_embed.proj" is 4, not 8`,
		"padding.pth":    `the padding of "patch_embed.proj" is 1, not 0`,
		"tanh.pth":       `the activation "blocks.1.mlp.act" is GELU with the approximation "tanh"`,
		// the same with more beside it than can be looked at, if all of it were
		"crowded.pth":           `the activation "blocks.1.mlp.act" is GELU with the approximation "tanh"`,
		"no_epsilon.pth":        `the epsilon of "blocks.0.norm1" is not stated as a number between 0 and 1`,
		"settings_function.pth": `"hidden_act" of its configuration is the class or function`,
		"settings_nan.pth":      `its configuration has values that no config.json can have`,
		"norm_between.pth":      `it has "LayerNorm" at "blocks.1.drop_path1", where no BEiT has one`,
		"tanh_behind.pth":       `it has "Tanh" at "head_drop", where no BEiT has one`,
		"group_norm.pth":        `the norm "blocks.0.norm2" is "GroupNorm", not a LayerNorm`,
		"epsilons.pth":          `different epsilons: 1e-06 in "blocks.0.norm1", 0.001 in "blocks.1.norm2"`,
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

// The attribute by which timm pools counts, not the name of the norm. testdata/modules/make.py shows that timm's two models answer the same.
func TestOpen_ModulePools(t *testing.T) {
	t.Parallel()
	at := func(file string) string { return filepath.Join("testdata", "modules", file) }
	result, err := convert.Diff(t.Context(), at("pool_token.pth"), at("pool_token_norm.pth"), convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil || !result.Equal {
		t.Errorf("%+v, %v", result, err)
	}
	for _, file := range []string{"pool_token.pth", "pool_empty_headless.pth"} {
		model, err := convert.Open(t.Context(), at(file), convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if model.Config.Pooling != arch.ClassToken || model.From[card.Pooling] != card.Module {
			t.Errorf("%s: %s, from %s", file, model.Config.Pooling, model.From[card.Pooling])
		}
		says := strings.Contains(strings.Join(model.Input().Warnings, "\n"), "ends in all tokens behind its norm")
		if says != (file == "pool_empty_headless.pth") {
			t.Errorf("%s: warnings: %q", file, model.Input().Warnings)
		}
	}
	model, err := convert.Open(t.Context(), at("epsilon.pth"), convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Config.Pooling != arch.MeanPooling || model.From[card.Pooling] != card.Module || len(model.Input().Warnings) > 0 {
		t.Errorf("%s, from %s; %q", model.Config.Pooling, model.From[card.Pooling], model.Input().Warnings)
	}
}

// The relative position indices of a module are compared, though its state dict would not have them.
func TestOpen_ModuleWithOtherIndex(t *testing.T) {
	t.Parallel()
	for file, name := range map[string]string{"index.pth": "blocks.1.attn.relative_position_index", "index_within.pth": "1.blocks.1.attn.relative_position_index"} {
		at := filepath.Join("testdata", "modules", file)
		_, err := convert.Open(t.Context(), at, convert.OpenOptions{})
		var differs *naming.PositionIndexError
		if !errors.As(err, &differs) || differs.Name != name || differs.Query != 3 || differs.Key != 4 || differs.Got != differs.Want+1 {
			t.Errorf("%s: %v", file, err)
		}
		model, err := convert.Open(t.Context(), at, convert.OpenOptions{SkipIndex: true})
		if err != nil {
			t.Errorf("%s, without looking at indices: %v", file, err)
			continue
		}
		defer model.Close()
	}
	_, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", "index_within.pth"), convert.OpenOptions{Select: "1"})
	if differs := (*naming.PositionIndexError)(nil); !errors.As(err, &differs) || differs.Name != "blocks.1.attn.relative_position_index" {
		t.Errorf("of a part: %v", err)
	}
	model := mustOpen(t, filepath.Join("testdata", "modules", "epsilon.pth"))
	if notes := strings.Join(model.Notes, "\n"); !strings.Contains(notes, "2 relative position indices of the module, which a state dict does not have, are the computed one") {
		t.Errorf("notes: %s", notes)
	}
}

// What does nothing when a model is run may stand anywhere in a module, and says nothing.
func TestOpen_ModuleWithQuietParts(t *testing.T) {
	t.Parallel()
	if warnings := mustOpen(t, filepath.Join("testdata", "modules", "quiet.pth")).Input().Warnings; len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
}

// The layers of a branch that is left out are no part of what is computed, and the activations of MLPs none of what is done beside, whatever a program calls them.
func TestOpen_ModuleWithBranch(t *testing.T) {
	t.Parallel()
	for _, drop := range [][]string{nil, {convert.ClassBranch}} {
		model, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", "branch.pth"), convert.OpenOptions{Drop: drop})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if blocks := model.Config.ClassBlocks; (blocks == 2) != (drop == nil) {
			t.Errorf("%d blocks of the branch, dropping %q", blocks, drop)
		}
		if warnings := model.Input().Warnings; len(warnings) != 1 || !strings.HasSuffix(warnings[0], `of the model: "data_preprocessor" ("SelfSupDataPreprocessor")`) {
			t.Errorf("warnings: %q", warnings)
		}
	}
}

// What a module does beside computing with its parameters is said, as none of it is read.
func TestOpen_ModuleDoesMore(t *testing.T) {
	t.Parallel()
	for file, says := range map[string]string{
		"softmax.pth":        `of the model: "0" ("Upsample"), "2" ("Softmax")`,
		"softmax_within.pth": `of the model: "softmax" ("Softmax")`,
		"hook.pth":           `of the model: "__main__.twice" of "head"`,
		"own.pth":            `something else than a BEiT: "__main__.Own"`,
	} {
		model, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", file), convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if warnings := model.Input().Warnings; len(warnings) != 1 || !strings.HasSuffix(warnings[0], says) {
			t.Errorf("%s: warnings: %q", file, warnings)
		}
	}
}

// The settings of a module can be larger than memory if all of them are written out: only those that count are looked at.
func TestOpen_ModuleWithEndlessSettings(t *testing.T) {
	t.Parallel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	model, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", "settings_crowd.pth"), convert.OpenOptions{})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Config.Epsilon != 1e-5 || model.From[card.Epsilon] != card.Module {
		t.Errorf("epsilon %g is from %s", model.Config.Epsilon, model.From[card.Epsilon])
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 500<<20 { // other tests allocate meanwhile
		t.Errorf("%d bytes were allocated", used)
	}
}

// The state dict of a quantised module would be called one; so is the module, whose weights are packed.
func TestOpen_QuantisedModule(t *testing.T) {
	t.Parallel()
	_, err := convert.Open(t.Context(), filepath.Join("testdata", "modules", "quantised.pth"), convert.OpenOptions{})
	if err == nil || !strings.Contains(err.Error(), `a quantised model, because it has a parameter "blocks.0.attn.qkv._packed_params"`) {
		t.Error(err)
	}
}
