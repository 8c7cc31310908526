package convert_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// oddRecipe makes pictures of another size than the models of the tests take.
var oddRecipe = card.Recipe{Resize: card.Squash, ResizeTo: 48, Crop: 48, Interpolation: card.Bilinear, Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5}}

// TestRecipeOfAnotherSize converts a model with a recipe that does not fit it: that is said when it is read, and no flag is promised to give it back.
func TestRecipeOfAnotherSize(t *testing.T) {
	t.Parallel()
	const source = testdata + "tiny/tiny_p16_32.unilm.pth"
	warned := func(warnings []string) bool {
		return slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "48 x 48 pixels, and the model takes 32 x 32") })
	}
	for name, options := range map[string]convert.Options{"m.pth": to("", ""), "m.safetensors": to("", ""), "hf": to("hf", ""), "timm": to("timm", "pytorch"), "timm/": to("timm", "")} {
		options.Recipe = &oddRecipe
		path := t.TempDir() + "/" + name
		if strings.HasPrefix(name, "timm") {
			path = strings.TrimSuffix(path, "/") + "/"
		}
		report := mustConvert(t, source, path, options)
		if !warned(report.Input.Warnings) {
			t.Errorf("%s: no warning in %q", name, report.Input.Warnings)
		}
		for _, loss := range report.Saved.Lost {
			if loss.Item == card.Preparing {
				t.Errorf("%s: a recipe that can't be used is promised back: %s", name, loss)
			}
		}
		left := slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, "the recipe for images is left out") })
		if name == "timm/" && !strings.Contains(strings.Join(report.Notes, "\n"), "config.json leaves out the recipe for images") {
			t.Errorf("%s: notes %q", name, report.Notes)
		}
		model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		choice, err := model.Recipe()
		if err != nil || (choice.Recipe.Crop == 48) == left {
			t.Errorf("%s: the note that it is left out: %t; what is read: %+v, %v", name, left, choice, err)
		}
	}
	inspected, err := convert.Inspect(t.Context(), source, convert.InspectOptions{OpenOptions: convert.OpenOptions{Recipe: &oddRecipe}})
	if err != nil || !warned(inspected.Warnings) {
		t.Errorf("inspect: %q, %v", inspected.Warnings, err)
	}
}

// TestNoRecipeForWhatIsNotSquare converts and inspects a model of 16 x 24 pixels: nothing says that it has a recipe.
func TestNoRecipeForWhatIsNotSquare(t *testing.T) {
	t.Parallel()
	config := arch.Config{
		ImageHeight: 16, ImageWidth: 24, PatchSize: 8, Channels: 3, EmbedDim: 64, HiddenDim: 256, Depth: 1, Heads: 1, Classes: 3,
		Pooling: arch.MeanPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: arch.EpsilonHF,
	}
	source := t.TempDir() + "/16x24.safetensors"
	if _, err := convert.Save(t.Context(), source, config, synth.Weights(config, 1), convert.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	inspected, err := convert.Inspect(t.Context(), source, convert.InspectOptions{})
	if err != nil || inspected.Card.Recipe != nil || inspected.Card.RecipeProblem == "" {
		t.Errorf("inspect: %+v, %v", inspected.Card, err)
	}
	for _, path := range []string{"m.pth", "m.safetensors", "m.pdparams"} {
		report := mustConvert(t, source, t.TempDir()+"/"+path, convert.Options{})
		for _, loss := range report.Saved.Lost {
			if loss.Item == card.Preparing {
				t.Errorf("%s: %s", path, loss)
			}
		}
	}
	folder := t.TempDir() + "/hf/" // which has no recipe either, and loses none when it is read
	report := mustConvert(t, source, folder, convert.Options{})
	if _, err := os.Stat(folder + "preprocessor_config.json"); err == nil || !strings.Contains(strings.Join(report.Notes, "\n"), "does not say how images are prepared") {
		t.Errorf("folder: notes %q", report.Notes)
	}
	if report = mustConvert(t, folder, t.TempDir()+"/m.pth", convert.Options{}); strings.Contains(strings.Join(report.Notes, "\n"), "how images are prepared is lost") {
		t.Errorf("from the folder: notes %q", report.Notes)
	}
	_, err = convert.Convert(t.Context(), source, t.TempDir()+"/m.pth", convert.Options{OpenOptions: convert.OpenOptions{RecipeName: "hf"}})
	if !errors.Is(err, card.ErrNotSquare) {
		t.Errorf("a recipe that is asked for: %v", err)
	}
}

// TestProblemTypeInTimm writes folders of timm, which has no problem_type: it is in the metadata of the weights, or is named as lost.
func TestProblemTypeInTimm(t *testing.T) {
	t.Parallel()
	for _, options := range []convert.Options{to("timm", ""), to("timm", "pytorch"), {SaveOptions: convert.SaveOptions{To: "timm", Bare: true}}} {
		folder := t.TempDir() + "/timm/"
		report := mustConvert(t, multiLabel, folder, options)
		model, err := convert.Open(t.Context(), folder, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		for item, kept := range map[card.Item]bool{card.ProblemIs: model.Problem == card.MultiLabel, card.Epsilon: model.Config.Epsilon == arch.EpsilonHF} {
			if lost := slices.ContainsFunc(report.Saved.Lost, func(l convert.Loss) bool { return l.Item == item }); lost == kept {
				t.Errorf("%+v: %s kept: %t, called lost: %t", options.SaveOptions, item, kept, lost)
			}
		}
	}
}

// TestNamesThatClassesShare writes a folder of transformers whose label2id can't hold all classes.
func TestNamesThatClassesShare(t *testing.T) {
	t.Parallel()
	for shared, labels := range map[bool][]string{
		true:  {"cat", "cat", "dog", "c3", "c4", "c5", "c6", "c7", "c8", "c9"},
		false: {"cat", "Cat", "dog", "c3", "c4", "c5", "c6", "c7", "c8", "c9"},
	} {
		report := mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", t.TempDir()+"/hf", convert.Options{OpenOptions: convert.OpenOptions{Labels: labels}})
		said := slices.ContainsFunc(report.Notes, func(n string) bool {
			return strings.Contains(n, `2 classes share their name with another, such as "cat"`)
		})
		if said != shared {
			t.Errorf("%q: %q", labels, report.Notes)
		}
	}
}

// The weights of Hugging Face alone run with the epsilon that their own recording ran with, not with that of other programs.
func TestOpen_EpsilonOfProgram(t *testing.T) {
	t.Parallel()
	recorded, err := recording.Read(t.Context(), "../testdata/digits/digits_p16_64.hf.float64.recording.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	model, err := convert.Open(t.Context(), "../testdata/digits/digits_p16_64.hf5.statedict.bin", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Config.Epsilon != recorded.Epsilon || !model.From[card.Epsilon].Guess() {
		t.Errorf("epsilon %g, from %s; the recording has %g", model.Config.Epsilon, model.From[card.Epsilon], recorded.Epsilon)
	}
}

// TestConvert_RecipeThatCantBeDone converts models whose files state a recipe that beitzoo can't do: it is copied or lost, which is said, and no default is written
// as if it were the model's own.
func TestConvert_RecipeThatCantBeDone(t *testing.T) {
	t.Parallel()
	const weights = testdata + "tiny/tiny_p16_32.unilm.pth"
	transformers, timm := t.TempDir()+"/hf/", t.TempDir()+"/timm/"
	mustConvert(t, weights, transformers, to("hf", ""))
	mustConvert(t, weights, timm, to("timm", ""))
	edit := func(path, from, to string) {
		raw, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(raw), from) {
			t.Fatalf("%s has no %q: %v", path, from, err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(raw), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit(transformers+"preprocessor_config.json", `"do_normalize": true`, `"do_normalize": false`)
	edit(timm+"config.json", `"interpolation": "bicubic"`, `"interpolation": "nearest"`)
	for _, source := range []string{transformers, timm} {
		for _, scheme := range []string{"hf", "data2vec", "timm"} {
			folder := t.TempDir() + "/out/"
			notes := strings.Join(mustConvert(t, source, folder, to(scheme, "")).Notes, "\n")
			copied := source == transformers && scheme != "timm"
			if want := map[bool]string{true: "is copied as it is", false: "how images are prepared is lost"}[copied]; !strings.Contains(notes, want) || strings.Contains(notes, "nobody states") {
				t.Errorf("%s to %s: notes %q, want %q", source, scheme, notes, want)
			}
			config, err := os.ReadFile(folder + "config.json")
			if err != nil || strings.Contains(string(config), `"mean"`) || strings.Contains(string(config), "crop") {
				t.Errorf("%s to %s: config.json states what nobody did: %s, %v", source, scheme, config, err)
			}
			processor, err := os.ReadFile(folder + "preprocessor_config.json")
			stated, _ := os.ReadFile(transformers + "preprocessor_config.json")
			if copied && string(processor) != string(stated) || !copied && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s to %s: preprocessor_config.json is %s, %v", source, scheme, processor, err)
			}
			if scheme != "timm" {
				continue
			}
			model, err := convert.Open(t.Context(), folder, convert.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if model.StatesRecipe() {
				t.Errorf("%s to timm: the folder states %+v", source, model.Facts.Recipe)
			}
			model.Close()
		}
	}
}

// TestConvert_NamesThatAreNotTaken converts models whose files state names of classes or an epsilon that a card does not get: that is said.
func TestConvert_NamesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	const weights = testdata + "tiny/tiny_p16_32.unilm.pth"
	transformers, timm := t.TempDir()+"/hf/", t.TempDir()+"/timm/"
	mustConvert(t, weights, transformers, to("hf", ""))
	mustConvert(t, weights, timm, to("timm", ""))
	for path, edit := range map[string][2]string{transformers: {`"0": "LABEL_0"`, `"99999": "LABEL_0"`}, timm: {`"num_features"`, `"label_descriptions": {"a": "b"}, "num_features"`}} {
		raw, err := os.ReadFile(path + "config.json")
		if err != nil || !strings.Contains(string(raw), edit[0]) {
			t.Fatalf("%s has no %q: %v", path, edit[0], err)
		}
		if err := os.WriteFile(path+"config.json", []byte(strings.Replace(string(raw), edit[0], edit[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]string{
		transformers: "the names of the classes are lost", timm: "label_descriptions in config.json",
	} {
		if notes := strings.Join(mustConvert(t, source, t.TempDir()+"/m.safetensors", convert.Options{}).Notes, "\n"); !strings.Contains(notes, want) {
			t.Errorf("%s: notes %q, want %q", source, notes, want)
		}
	}
}

// TestImplausibleEpsilon makes sure that an epsilon that no model has is remarked on, whoever stated it.
func TestImplausibleEpsilon(t *testing.T) {
	t.Parallel()
	for epsilon, want := range map[float64]int{0.3: 1, 1e-5: 0} {
		model, err := convert.Open(t.Context(), testdata+"tiny/tiny_p16_32.unilm.pth", convert.OpenOptions{Epsilon: epsilon})
		if err != nil {
			t.Fatal(err)
		}
		if got := model.Input().Warnings; len(got) != want || want == 1 && !strings.Contains(got[0], "the epsilon 0.3 (as asked for) is implausible") {
			t.Errorf("epsilon %g: %q", epsilon, got)
		}
		model.Close()
	}
}
