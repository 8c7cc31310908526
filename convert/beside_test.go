package convert_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
)

const multiLabel = testdata + "cards/hf_multi_label"

// TestFileBesideAnotherConfig writes single files, under names of transformers, beside the config.json of a model: readers take what that says, so it is an
// error if it contradicts the model, and is said otherwise.
func TestFileBesideAnotherConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, file string
		options      convert.Options
		refused      string
	}{
		"another epsilon that is known":   {testdata + "tiny/tiny_p16_32.unilm.pth", "model.safetensors", convert.Options{OpenOptions: convert.OpenOptions{Epsilon: 1e-6}}, "epsilon 1e-12, not 1e-06"},
		"another recipe that is known":    {testdata + "tiny/tiny_p16_32.unilm.pth", "model.safetensors", convert.Options{OpenOptions: convert.OpenOptions{RecipeName: "timm"}}, "the recipe for images"},
		"another architecture":            {testdata + "digits/digits_p16_64.timm.safetensors", "model.safetensors", convert.Options{}, "another model's"},
		"another architecture in PyTorch": {testdata + "digits/digits_p16_64.timm.safetensors", "model.pth", convert.Options{}, "another model's"},
		"what nobody knows":               {testdata + "tiny/tiny_p16_32.unilm.pth", "pytorch_model.bin", to("hf", ""), ""},
		"the same model":                  {multiLabel, "pytorch_model.bin", to("hf", ""), ""},
		"a name that stands for itself":   {testdata + "digits/digits_p16_64.timm.safetensors", "beit.safetensors", convert.Options{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for _, file := range []string{"config.json", "preprocessor_config.json"} {
				raw, err := os.ReadFile(multiLabel + "/" + file)
				if err == nil {
					err = os.WriteFile(folder+"/"+file, raw, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			path := folder + "/" + c.file
			report, err := convert.Convert(t.Context(), c.source, path, c.options)
			if c.refused != "" {
				if !errors.As(err, new(*convert.TargetError)) || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "config.json") {
					t.Errorf("%v", err)
				}
				if _, err := os.Stat(path); err == nil {
					t.Error("the file was written")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			read, err := convert.Open(t.Context(), path, convert.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			said := slices.ContainsFunc(report.Notes, func(note string) bool { return strings.Contains(note, folder+"/config.json") })
			if taken := read.From[card.Epsilon] == card.Config && c.source != multiLabel; taken != said {
				t.Errorf("config.json of another model is taken: %t, said: %t, in %q", taken, said, report.Notes)
			}
			for _, loss := range report.Saved.Lost {
				if from := read.From[loss.Item]; from == card.Config || from == card.Processor {
					t.Errorf("%s is called lost, and comes from %s", loss.Item, from)
				}
			}
		})
	}
}

// TestConfigThatOutranksTheCard reads files that say something about themselves, beside a config.json that says something else: what is taken is said, and
// a config.json of another model is named.
func TestConfigThatOutranksTheCard(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	copied := func(from, to string) {
		raw, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(folder+"/"+to, raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	options := convert.Options{OpenOptions: convert.OpenOptions{Epsilon: 1e-5, RecipeName: "timm"}}
	mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", folder+"/model.safetensors", options)
	copied(multiLabel+"/config.json", "config.json")
	copied(multiLabel+"/preprocessor_config.json", "preprocessor_config.json")
	model, err := convert.Open(t.Context(), folder+"/model.safetensors", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	notes := strings.Join(model.Input().Warnings, "\n")
	for _, want := range []string{folder + "/config.json", "epsilon 1e-12, not 1e-05", "not timm"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q among the warnings %q", want, notes)
		}
	}
	mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", folder+"/model.safetensors", convert.Options{})
	guessed, err := convert.Open(t.Context(), folder+"/model.safetensors", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer guessed.Close()
	if notes := strings.Join(guessed.Input().Warnings, "\n"); !strings.Contains(notes, "epsilon 1e-12, not 1e-06 (a guess)") {
		t.Errorf("no guess among the warnings %q", notes)
	}
	copied(testdata+"digits/digits_p16_64.timm.safetensors", "model.safetensors")
	_, err = convert.Open(t.Context(), folder, convert.OpenOptions{})
	mismatch := (*convert.ConfigMismatchError)(nil)
	if !errors.As(err, &mismatch) || mismatch.Config != folder+"/config.json" || !strings.Contains(mismatch.Hint(), "config.json") {
		t.Errorf("%v", err)
	}
}

// TestEpsilonThatIsOverridden states an epsilon against one that is stated: the caller's counts, and both values are said.
func TestEpsilonThatIsOverridden(t *testing.T) {
	t.Parallel()
	carded, guessed := t.TempDir()+"/beit.safetensors", t.TempDir()+"/beit.safetensors"
	mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", carded, convert.Options{OpenOptions: convert.OpenOptions{Epsilon: 1e-12}})
	mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", guessed, convert.Options{})
	for _, c := range []struct {
		path    string
		epsilon float64
		said    bool
	}{
		{multiLabel, 1e-5, true},
		{multiLabel, 1e-12, false},
		{multiLabel, 0, false},
		{multiLabel + "/model.safetensors", 1e-5, true},
		{carded, 1e-5, true},
		{carded, 1e-12, false},
		{guessed, 1e-5, false},
		{testdata + "tiny/tiny_p16_32.unilm.pth", 1e-5, false},
	} {
		model, err := convert.Open(t.Context(), c.path, convert.OpenOptions{Epsilon: c.epsilon})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		warnings := model.Input().Warnings
		said := slices.ContainsFunc(warnings, func(w string) bool {
			return strings.HasPrefix(w, "epsilon 1e-05 is taken, as asked, and not 1e-12, which ")
		})
		if said != c.said || c.epsilon != 0 && model.Config.Epsilon != c.epsilon {
			t.Errorf("%s with epsilon %g: %q", c.path, c.epsilon, warnings)
		}
	}
}
