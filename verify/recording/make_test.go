package recording_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// masked loads the masked model that unilm's class computed the golden recording with, and returns that recording.
func masked(t *testing.T) (engine.Model, arch.Config, *recording.Recording) {
	t.Helper()
	file, err := checkpoint.Open(t.Context(), testdata+"mim/tiny_mim_p16_64.unilm.pth", checkpoint.Options{}, pytorch.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, err := naming.Read(t.Context(), file.Tensors, naming.Options{})
	if err != nil {
		t.Fatal(err)
	}
	model, err := native.Engine{}.Load(t.Context(), read.Config, read.Tensors, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	golden, err := recording.Read(t.Context(), testdata+"mim/tiny_mim_p16_64.unilm.float64.recording.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	return model, read.Config, golden
}

// TestMake_AsUnilm records the inputs of a recording of unilm's classes, and compares the activations with it.
func TestMake_AsUnilm(t *testing.T) {
	t.Parallel()
	model, config, golden := masked(t)
	calls, last := 0, 0
	made, err := recording.Make(t.Context(), model, config, engine.Input{Pixels: golden.Pixels, Mask: golden.Mask}, recording.MakeOptions{
		Progress: func(done, total int) {
			calls++
			if last = done; done > total {
				t.Errorf("%d of %d done", done, total)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(engine.Stages(config)); len(made.Activations) != want || calls != want || last != want*golden.Images {
		t.Errorf("%d activations, %d calls, %d done", len(made.Activations), calls, last)
	}
	for _, want := range golden.Activations {
		got, found := made.Activation(want.Name)
		if want.Name == "pool" { // unilm's has a row for the class token
			continue
		}
		if !found || !got.Shape.Equal(want.Shape) {
			t.Errorf("%s: %v, want %v", want.Name, got.Shape, want.Shape)
			continue
		}
		for i, v := range got.Values {
			if d := v - want.Values[i]; d > 1e-10 || d < -1e-10 {
				t.Fatalf("%s: value %d is %g, want %g", want.Name, i, v, want.Values[i])
			}
		}
	}
	made.DType = tensor.F64
	made.ImageNames = []string{"a.png", "b\n.png"}
	path := filepath.Join(t.TempDir(), "made.safetensors")
	if err := recording.Write(t.Context(), path, made); err != nil {
		t.Fatal(err)
	}
	read, err := recording.Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, read); diff != "" {
		t.Error(diff)
	}
	if !recording.Is(t.Context(), path) || recording.Is(t.Context(), testdata+"digits/digits_p16_64.timm.safetensors") || recording.Is(t.Context(), "make_test.go") || recording.Is(t.Context(), "none") {
		t.Error("Is does not tell recordings from others")
	}
}

// TestMake_Some makes sure that the stages that are not asked for are neither kept nor change the others, and that images are cut into batches.
func TestMake_Some(t *testing.T) {
	t.Parallel()
	model, config, golden := masked(t)
	many := engine.Input{}
	for range 40 { // 40 x 2 x 17 tokens are two batches
		many.Pixels, many.Mask = append(many.Pixels, golden.Pixels...), append(many.Mask, golden.Mask...)
	}
	stages := []engine.Stage{{Kind: engine.Block, Block: 1}, {Kind: engine.Logits}}
	made, err := recording.Make(t.Context(), model, config, many, recording.MakeOptions{Stages: stages})
	if err != nil || len(made.Activations) != 2 || made.Images != 80 {
		t.Fatalf("%v, %v", made, err)
	}
	for _, a := range made.Activations {
		want, _ := golden.Activation(a.Name)
		if len(a.Values) != 40*len(want.Values) || a.Shape[0] != 80 {
			t.Fatalf("%s has the shape %v", a.Name, a.Shape)
		}
		one := len(want.Values)
		if !slices.Equal(a.Values[:one], a.Values[39*one:]) {
			t.Errorf("%s: the same images give other values at the end", a.Name)
		}
	}
	var wrong *engine.InputError
	if _, err := recording.Make(t.Context(), model, config, engine.Input{Pixels: many.Pixels[1:]}, recording.MakeOptions{}); !errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
}

func TestParseStages(t *testing.T) {
	t.Parallel()
	config := arch.Config{Depth: 2, Classes: 3}
	for words, want := range map[string]string{
		"":                   "embed blocks.0.attn blocks.0 blocks.1.attn blocks.1 pool logits",
		"all":                "embed blocks.0.attn blocks.0 blocks.1.attn blocks.1 pool logits",
		"no-attn":            "embed blocks.0 blocks.1 pool logits",
		"logits":             "logits",
		"pool blocks":        "blocks.0 blocks.1 pool",
		"all no-blocks.0":    "embed blocks.0.attn blocks.1.attn blocks.1 pool logits",
		"attn no-blocks.1 x": "",
		"blocks.2 bloks":     "",
		"logits no-logits":   "",
	} {
		stages, err := recording.ParseStages(config, strings.Fields(words))
		var names []string
		for _, s := range stages {
			names = append(names, s.String())
		}
		if got := strings.Join(names, " "); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", words, got, err, want)
		}
		if wrong := (*recording.StagesError)(nil); err != nil && (!errors.As(err, &wrong) || !errors.Is(err, errdef.ErrUsage) || wrong.Hint() == "") {
			t.Errorf("%q: %v", words, err)
		}
	}
	for _, word := range recording.StageWords() {
		if _, err := recording.ParseStages(config, []string{word}); err != nil {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// TestScript makes sure that each script is one program of the framework alone; make interop-record runs them.
func TestScript(t *testing.T) {
	t.Parallel()
	for _, name := range recording.Frameworks() {
		script, err := recording.Script(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"\nimport " + name + "\n", "\ndef record(model, images, path", "\nif __name__ == \"__main__\":\n", recording.Format} {
			if strings.Count(script, want) != 1 {
				t.Errorf("%s: %q stands there %d times", name, want, strings.Count(script, want))
			}
		}
		for _, other := range recording.Frameworks() {
			if other != name && strings.Contains(script, "import "+other) {
				t.Errorf("the script for %s imports %s", name, other)
			}
		}
	}
	if _, err := recording.Script("jax"); !errors.As(err, new(*recording.UnknownFrameworkError)) || !errors.Is(err, errdef.ErrUsage) || errdef.Hint(err) == "" {
		t.Errorf("%v", err)
	}
}
