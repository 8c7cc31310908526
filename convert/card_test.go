package convert_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// effective is what decides about the answers of a model: its card, with the recipe by which it is run.
type effective struct {
	Heads         int
	Height, Width int
	Epsilon       float64
	Labels        []string
	Recipe        card.Recipe
	Problem       card.Problem
}

func effectiveOf(t *testing.T, path string, options convert.OpenOptions) effective {
	t.Helper()
	model, err := convert.Open(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	choice, err := model.Recipe()
	if err != nil {
		t.Fatal(err)
	}
	height, width := model.Config.Window()
	return effective{model.Config.Heads, height, width, model.Config.Epsilon, model.Labels, choice.Recipe, model.Problem}
}

// stated adds to options what a conversion said is lost, as a user would give it back.
func stated(t *testing.T, lost []convert.Loss, from effective) convert.OpenOptions {
	t.Helper()
	var options convert.OpenOptions
	for _, loss := range lost {
		var err error
		switch loss.Item {
		case card.Epsilon:
			options.Epsilon, err = strconv.ParseFloat(loss.Value, 64)
		case card.Heads:
			options.Heads, err = strconv.Atoi(loss.Value)
		case card.Labels:
			options.Labels = from.Labels
		case card.Preparing:
			options.Recipe = &from.Recipe
		case card.ProblemIs:
			options.Problem = card.Problem(loss.Value)
		default:
			err = fmt.Errorf("unexpected loss %v", loss)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return options
}

// TestCardTravels converts models that timm and transformers wrote to every scheme, format and kind of folder, and back to a folder of transformers: what
// decides about the answers stays, or is named as lost and comes back when it is stated.
func TestCardTravels(t *testing.T) {
	t.Parallel()
	tenLabels, err := configs.ReadLabels(testdata + "cards/timm_v2_crop90/config.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]struct {
		path    string
		options convert.OpenOptions
	}{
		"timm":         {testdata + "cards/timm_v2_crop90", convert.OpenOptions{}},
		"transformers": {testdata + "cards/hf_multi_label", convert.OpenOptions{}},
		"asked for":    {testdata + "tiny/tiny_p16_32.passl.pdparams", convert.OpenOptions{Labels: tenLabels, RecipeName: "unilm-v2", Epsilon: 1e-3, Problem: card.MultiLabel}},
		"guessed":      {testdata + "tiny/tiny_p16_32.unilm.pth", convert.OpenOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := effectiveOf(t, source.path, source.options)
			folder := t.TempDir()
			targets := map[string]string{"hf/": naming.HF, "timm/": naming.Timm}
			for _, scheme := range naming.NamesFor(arch.Transformer) {
				for _, ending := range []string{"safetensors", "pth", "pdparams"} {
					targets[scheme+"."+ending] = scheme
				}
			}
			for target, scheme := range targets {
				path := folder + "/" + target
				report := mustConvert(t, source.path, path, convert.Options{OpenOptions: source.options, SaveOptions: convert.SaveOptions{To: scheme}})
				if filepath.Ext(target) == ".safetensors" && len(report.Saved.Lost) > 0 {
					t.Errorf("%s: its metadata can hold everything, yet %v is lost", target, report.Saved.Lost)
				}
				options := stated(t, report.Saved.Lost, want)
				if diff := cmp.Diff(want, effectiveOf(t, path, options)); diff != "" {
					t.Errorf("%s, with %v stated (-want +got):\n%s", target, report.Saved.Lost, diff)
				}
				back := folder + "/back_" + scheme + filepath.Ext(target) + "/"
				again := mustConvert(t, path, back, convert.Options{OpenOptions: options, SaveOptions: convert.SaveOptions{To: naming.HF}})
				if diff := cmp.Diff(want, effectiveOf(t, back, stated(t, again.Saved.Lost, want))); diff != "" {
					t.Errorf("%s and back (-want +got):\n%s", target, diff)
				}
			}
		})
	}
}

// TestGuessStaysAGuess makes sure that a recipe which was guessed is not taken for a stated one after a conversion.
func TestGuessStaysAGuess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", path, to(naming.HF, ""))
	model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	choice, err := model.Recipe()
	if err != nil || choice.Name != "unilm" || !choice.Guessed() {
		t.Errorf("got %+v, %v", choice, err)
	}
}

// TestFolderOfAGuess makes sure that a folder, which states a recipe, is not written without a word if the recipe is a guess.
func TestFolderOfAGuess(t *testing.T) {
	t.Parallel()
	report := mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", filepath.Join(t.TempDir(), "hf"), to(naming.HF, ""))
	if !slices.Contains(report.Notes, "how images are prepared is a guess (usual for weights of this naming scheme): unilm") {
		t.Errorf("notes are %q", report.Notes)
	}
}
