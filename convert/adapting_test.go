package convert_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// The masked model of the digits becomes what unilm makes of it before it fine-tunes.
func TestConvert_StartsFineTuningAsUnilm(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "start.pth")
	report := mustConvert(t, testdata+"mim/digits_mim_p16_64.unilm.pth", target, convert.Options{
		Adapt: adapt.Options{Classes: 10, PerBlockBias: true}, SaveOptions: convert.SaveOptions{To: "unilm", Prove: true},
		AllowLossy: []string{"norm", "mask-token", "head"},
	})
	if !report.Saved.Proved {
		t.Error("nothing was proved")
	}
	want := mustOpen(t, testdata+"finetune/digits_start.unilm.pth")
	got := mustOpen(t, target)
	if got.Config != want.Config {
		t.Errorf("the architecture is %+v instead of %+v", got.Config, want.Config)
	}
	compared := 0
	for i, n := range want.Tensors {
		if n.Name == "head.weight" {
			continue // the only one that is drawn
		}
		a, err := n.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		b, err := got.Tensors[i].Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if got.Tensors[i].Name != n.Name || got.Tensors[i].DType != n.DType || !bytes.Equal(a, b) {
			t.Errorf("%s differs", n.Name)
		}
		compared++
	}
	if compared < 50 {
		t.Errorf("%d parameters were compared", compared)
	}
}

func mustOpen(t *testing.T, path string) *convert.Model {
	t.Helper()
	model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

const digits = testdata + "digits/digits_p16_64.timm.safetensors"

func TestConvert_RefusesToProveLosses(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "large.safetensors")
	options := convert.Options{
		Adapt: adapt.Options{ImageHeight: 96, ImageWidth: 96, Classes: 4}, SaveOptions: convert.SaveOptions{Prove: true, NoSync: true}, AllowLossy: []string{"head"},
	}
	_, err := convert.Convert(t.Context(), digits, target, options)
	var lossy *convert.LossyStepsError
	if !errors.As(err, &lossy) || !slices.Equal(lossy.Names(), []string{"resize"}) || !errors.Is(err, errdef.ErrUsage) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("the file was written")
	}
	options.AllowLossy = []string{"resize", "heads"}
	if _, err := convert.Convert(t.Context(), digits, target, options); !errors.Is(err, errdef.ErrUsage) || !strings.HasPrefix(errdef.Hint(err), "did you mean head?") {
		t.Errorf("an unknown name: %v, hint %q", err, errdef.Hint(err))
	}
	options.AllowLossy = []string{"resize", "head"}
	if report := mustConvert(t, digits, target, options); !report.Saved.Proved || len(report.Lossy) != 2 {
		t.Errorf("proved %v, lossy %q", report.Saved.Proved, report.Lossy)
	}
}

// A file says how it was made, and so do the files that are made of it.
func TestConvert_RecordsSteps(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	resized, again := filepath.Join(folder, "resized.safetensors"), filepath.Join(folder, "again.safetensors")
	report := mustConvert(t, digits, resized, convert.Options{Adapt: adapt.Options{ImageHeight: 96, ImageWidth: 64}})
	if len(report.Steps) != 1 || len(report.Steps[0].Tensors) != 3 {
		t.Errorf("steps: %v", report.Steps)
	}
	for _, p := range report.Parameters {
		if changed := strings.HasSuffix(p.Name, "relative_position_bias_table"); changed != (len(p.Steps) == 1) {
			t.Errorf("%s: steps %q", p.Name, p.Steps)
		}
	}
	mustConvert(t, resized, again, convert.Options{Adapt: adapt.Options{Headless: true}})
	hf := filepath.Join(folder, "hf")
	mustConvert(t, again, hf, convert.Options{SaveOptions: convert.SaveOptions{To: "hf", Prove: true}, DType: tensor.BF16})
	for path, want := range map[string][]string{resized: {"resize"}, again: {"resize", "head"}, hf: {"resize", "head", "cast"}} {
		inspection, err := convert.Inspect(t.Context(), path, convert.InspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range inspection.Steps {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: steps %q instead of %q", path, names, want)
		}
	}
	for target, options := range map[string]convert.SaveOptions{"bare.safetensors": {Bare: true}, "resized.pth": {}, "resized.pdparams": {}} {
		report := mustConvert(t, resized, filepath.Join(folder, target), convert.Options{SaveOptions: options})
		if !slices.ContainsFunc(report.Notes, func(note string) bool { return strings.Contains(note, "is not recorded in the output") }) {
			t.Errorf("%s: notes %q", target, report.Notes)
		}
	}
}

// The digits have a recipe of their own, whatever their size.
func TestConvert_KeepsRecipeOfArchitecture(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "large.safetensors")
	mustConvert(t, digits, target, convert.Options{Adapt: adapt.Options{ImageHeight: 96, ImageWidth: 96}})
	if got := mustOpen(t, target); got.RecipeName != "passl-digits" || got.Facts.Recipe.Crop != 96 || got.Facts.Recipe.ResizeTo != 96 {
		t.Errorf("the recipe is %q, %+v", got.RecipeName, got.Facts.Recipe)
	}
}

// What is stated of the classes is about the new head.
func TestConvert_NamesClassesOfNewHead(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "animals.safetensors")
	options := convert.Options{
		OpenOptions: convert.OpenOptions{Labels: []string{"cat", "dog", "owl"}, Problem: card.MultiLabel}, Adapt: adapt.Options{Classes: 3},
	}
	for _, source := range []string{digits, testdata + "mim/digits_mim_p16_64.unilm.pth"} {
		mustConvert(t, source, target, options)
		if got := mustOpen(t, target); !slices.Equal(got.Labels, options.Labels) || got.Problem != card.MultiLabel || got.Config.Pooling != arch.MeanPooling {
			t.Errorf("%s: labels %q, %s", source, got.Labels, got.Problem)
		}
	}
	options.Adapt.Classes = 4
	if _, err := convert.Convert(t.Context(), digits, target, options); !errors.As(err, new(*card.LabelsError)) {
		t.Errorf("three names for four classes: %v", err)
	}
}

// Names of the digits choose rows, and the model still knows those digits.
func TestConvert_ChoosesRows(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target := filepath.Join(folder, "odd.safetensors")
	mustConvert(t, digits, target, convert.Options{
		OpenOptions: convert.OpenOptions{Labels: []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}},
		Adapt:       adapt.Options{Rows: []string{"nine", "one"}},
	})
	got, old := mustOpen(t, target), mustOpen(t, digits)
	if !slices.Equal(got.Labels, []string{"nine", "one"}) {
		t.Errorf("labels %q", got.Labels)
	}
	last := len(old.Tensors) - 1
	a, err := old.Tensors[last].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b, err := got.Tensors[last].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, slices.Concat(a[36:40], a[4:8])) {
		t.Errorf("%s is %x", got.Tensors[last].Name, b)
	}
}
