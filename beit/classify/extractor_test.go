package classify_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// extractor returns one for a checkpoint, with the recipe that it would get.
func extractor(t *testing.T, path string) *classify.Extractor {
	t.Helper()
	opened, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	model, err := native.Engine{}.Load(t.Context(), opened.Config, opened.Tensors, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	choice, err := opened.Recipe()
	if err != nil {
		t.Fatal(err)
	}
	e, err := classify.NewExtractor(model, card.Card{Config: opened.Config, Facts: card.Facts{Recipe: &choice.Recipe}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestExtractor_EqualsPASSL compares stages of the first four test images with what PASSL recorded of them, and makes sure that a picture that cannot be read
// does not shift them.
func TestExtractor_EqualsPASSL(t *testing.T) {
	t.Parallel()
	recorded, err := recording.Read(t.Context(), shipped+"digits_p16_64.passl.float32.recording.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	e := extractor(t, shipped+"digits_p16_64.pdparams")
	e.BatchSize = 3
	stages := []engine.Stage{{Kind: engine.Embed}, {Kind: engine.Block, Block: 2}, {Kind: engine.Pool}}
	names := firstImages(t, 4)
	names = append(names[:2:2], append([]string{"missing.png"}, names[2:]...)...)
	n := 0
	for output, err := range e.Stream(t.Context(), classify.Paths(names), stages, classify.StreamOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if output.Failure != nil {
			if output.Index != 2 || output.Activations != nil {
				t.Errorf("%d: %v", output.Index, output.Failure)
			}
			continue
		}
		for _, stage := range stages {
			want, found := recorded.Activation(stage.String())
			got := output.Activations[stage]
			one := len(want.Values) / 4
			if !found || len(got.Values) != one || got.Shape[0] != 1 || len(got.Shape) != len(want.Shape) {
				t.Fatalf("%s has shape %s, recorded is %s", stage, got.Shape, want.Shape)
			}
			for i, v := range got.Values {
				if !(math.Abs(v-want.Values[n*one+i]) < 3e-5) {
					t.Fatalf("%s of %s: value %d is %g, want %g", stage, output.Name, i, v, want.Values[n*one+i])
				}
			}
		}
		if len(output.Pixels) != 3*64*64 {
			t.Errorf("%d pixels", len(output.Pixels))
		}
		if len(output.Logits) != 10 {
			t.Errorf("%d logits", len(output.Logits))
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d of 4", n)
	}
}

// firstImages returns the paths of the shipped images with the lowest numbers.
func firstImages(t *testing.T, count int) []string {
	t.Helper()
	var paths []string
	for number := 0; len(paths) < count && number < 1000; number++ {
		for class := range 10 {
			path := fmt.Sprintf("%simages/%d/%03d.png", shipped, class, number)
			if _, err := os.Stat(path); err == nil {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// TestExtractor_ModelsWithoutClasses runs models that a Classifier refuses.
func TestExtractor_ModelsWithoutClasses(t *testing.T) {
	t.Parallel()
	for path, shapes := range map[string]map[engine.Stage]string{
		"../../testdata/mim/digits_mim_p16_64.unilm.pth":       {{Kind: engine.Pool}: "[1, 16, 48]"},
		"../../testdata/family/timm_features_only.safetensors": {{Kind: engine.Block, Block: 1}: "[1, 10, 24]"},
		"../../testdata/family/hf_model":                       {{Kind: engine.Pool}: "[1, 24]"},
	} {
		e := extractor(t, path)
		for stage, want := range shapes {
			for output, err := range e.Stream(t.Context(), classify.Paths(firstImages(t, 1)), []engine.Stage{stage}, classify.StreamOptions{}) {
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				if got := output.Activations[stage].Shape.String(); got != want || output.Logits != nil {
					t.Errorf("%s: %s has shape %s, want %s; logits %v", path, stage, got, want, output.Logits)
				}
			}
		}
	}
}

func TestExtractor_UnknownStage(t *testing.T) {
	t.Parallel()
	e := extractor(t, shipped+"digits_p16_64.pdparams")
	for _, err := range e.Stream(t.Context(), classify.Paths(firstImages(t, 1)), []engine.Stage{{Kind: engine.Block, Block: 3}}, classify.StreamOptions{}) {
		if bad := (*classify.StageError)(nil); !errors.As(err, &bad) || !errors.Is(errdef.Kind(err), errdef.ErrUsage) {
			t.Errorf("got %v", err)
		}
	}
}

// nanModel is a model without classes whose second image has an infinite value.
type nanModel struct{}

func (nanModel) Forward(context.Context, engine.Input, engine.Tap) (engine.Activation, error) {
	values := make([]float64, 2*48)
	values[48+7] = math.Inf(-1)
	return engine.Activation{Name: "pool", Shape: tensor.Shape{2, 48}, Values: values}, nil
}

func (nanModel) Close() error { return nil }

// TestExtractor_NotFinite makes sure that no feature is infinite in silence, and that the error names stage and image.
func TestExtractor_NotFinite(t *testing.T) {
	t.Parallel()
	known := card.Card{Config: extractor(t, shipped+"digits_p16_64.pdparams").Config()}
	known.Config.Classes = 0
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	known.Recipe = &recipe
	e, err := classify.NewExtractor(nanModel{}, known)
	if err != nil {
		t.Fatal(err)
	}
	e.BatchSize = 2
	paths, seen := firstImages(t, 2), 0
	for _, failed := range e.Stream(t.Context(), classify.Paths(paths), []engine.Stage{{Kind: engine.Pool}}, classify.StreamOptions{}) {
		if err = failed; err == nil {
			seen++
		}
	}
	bad := (*classify.NotFiniteError)(nil)
	if !errors.As(err, &bad) || bad.Stage != "pool" || bad.Class != 7 || bad.Name != paths[1] || seen != 1 || !strings.Contains(err.Error(), "value 7 of pool is -Inf") {
		t.Errorf("%d images, then %v", seen, err)
	}
}
