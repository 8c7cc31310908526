package naming_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
)

// renamed returns tensors with other names.
func renamed(tensors []tensor.Named, rename func(string) string) []tensor.Named {
	tensors = slices.Clone(tensors)
	for i := range tensors {
		tensors[i].Name = rename(tensors[i].Name)
	}
	return tensors
}

func under(prefix string, tensors []tensor.Named) []tensor.Named {
	return renamed(tensors, func(name string) string { return prefix + name })
}

// A model of any scheme is the same model behind any prefix, with wrappers anywhere in its names, and with what a training program counts beside it.
func TestRead_AnyWrapping(t *testing.T) {
	t.Parallel()
	prefixes := []string{
		"", "net.", "encoder.", "vit.", "model.module.", "student.backbone.", "backbone.", "beit.", "model.", "0.", "models.0.", "blocks.0.", "layers.3.",
		"encoder.layer.0.", "backbone.backbone.", "beit.beit.", "head.", "a.b.c.d.", "_forward_module.", "module.module.",
	}
	words := []string{"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "module"}
	rapid.Check(t, func(t *rapid.T) {
		config, tensors := draw(t)
		scheme := rapid.SampledFrom(naming.Names()).Draw(t, "scheme")
		written, err := naming.Write(scheme, config, tensors, naming.WriteOptions{})
		if err != nil {
			t.Skip()
		}
		prefix := rapid.SampledFrom(prefixes).Draw(t, "prefix")
		word, at := rapid.SampledFrom(words).Draw(t, "word"), rapid.IntRange(0, 4).Draw(t, "at")
		wrapped := renamed(written, func(name string) string {
			components := strings.Split(prefix+name, ".")
			if at >= len(components) || at == 4 {
				return prefix + name
			}
			return strings.Join(slices.Insert(components, at, word), ".")
		})
		beside := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"n_averaged", "criterion.weight", "train_acc.total", "ema.num_updates"}), rapid.ID).Draw(t, "beside")
		for _, name := range beside {
			wrapped = append(wrapped, zeros(name, 1))
		}
		model, err := naming.Read(t.Context(), wrapped, naming.Options{Arch: &config, Prefer: scheme})
		if err != nil {
			t.Fatal(err)
		}
		if model.Scheme != scheme && !slices.Contains(model.Equivalent, scheme) && prefix == "" {
			t.Fatalf("%s was taken for %s", scheme, model.Scheme)
		}
		sameTensors(t, tensors, model.Tensors)
		notes := strings.Join(model.Notes, "\n")
		for _, name := range beside {
			if !strings.Contains(notes, `"`+name+`"`) {
				t.Fatalf("the notes do not name %s: %s", name, notes)
			}
		}
	})
}

func TestRead_SaysWhatItRemoved(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_32")
	timm := write(t, naming.Timm, config)
	headless := without(timm, "head.weight", "head.bias")
	head := []tensor.Named{zeros("head.weight", 10, 32), zeros("head.bias", 10)}
	hf := write(t, naming.HF, config)
	for _, c := range []struct {
		name    string
		tensors []tensor.Named
		scheme  string
		classes int
		notes   []string
	}{
		{"a prefix", under("net.", timm), naming.Timm, 10, []string{`the names of the model begin with "net.", which was removed`}},
		{"two", under("student.backbone.", timm), naming.Timm, 10, []string{`"student.backbone."`}},
		{"before the scheme's own", under("net.", hf), naming.HF, 10, []string{`"net."`}},
		{"blocks compiled", renamed(timm, func(name string) string { return strings.Replace(name, "blocks.0.", "blocks.0._orig_mod.", 1) }), naming.Timm, 10, []string{`removed "_orig_mod." from `}},
		{"a loss", append(under("model.", timm), zeros("criterion.weight", 10)), naming.Timm, 10, []string{`left out 1 tensor beside the model: "criterion.weight" (a weight of a loss)`}},
		{"no prefix, a loss and a counter", append(slices.Clone(timm), zeros("criterion.weight", 10), zeros("n_averaged")), naming.Timm, 10, []string{
			`left out 2 tensors beside the model: "criterion.weight" (a weight of a loss), "n_averaged" (a counter of a training program)`,
		}},
		{"a queue", append(under("model.", timm), zeros("queue", 128, 99)), naming.Timm, 10, []string{`left out 1 tensor beside the model: "queue" (the names of the model begin with "model.")`}},
		{"a head beside the encoder", append(under("encoder.", headless), head...), naming.Timm, 10, []string{`"head.weight", which stands beside the model, was taken for its head`}},
		{"a head beside an encoder in something", append(under("net.encoder.", headless), under("net.", head)...), naming.Timm, 10, []string{`"net.head.weight", which stands beside`}},
		{"no head", under("encoder.", headless), naming.Timm, 0, []string{`"encoder."`}},
		{"projection of a model with a head", append(under("model.", timm), zeros("projector.weight", 16, 32)), naming.Timm, 10, []string{`"projector.weight"`}},
		{"flattened copies", append(under("model.", timm), renamed(timm, func(name string) string { return "model_ema." + strings.ReplaceAll(name, ".", "") })...), naming.Timm, 10, []string{"and 31 more"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			model, err := naming.Read(t.Context(), c.tensors, naming.Options{Prefer: naming.Timm})
			if err != nil {
				t.Fatal(err)
			}
			if model.Scheme != c.scheme || model.Config.Classes != c.classes {
				t.Errorf("read as %s with %d classes", model.Scheme, model.Config.Classes)
			}
			for _, note := range c.notes {
				if !strings.Contains(strings.Join(model.Notes, "\n"), note) {
					t.Errorf("notes %q lack %q", model.Notes, note)
				}
			}
		})
	}
}

func TestRead_SeveralModels(t *testing.T) {
	t.Parallel()
	timm := write(t, naming.Timm, byName(t, "tiny_p16_32"))
	hf := write(t, naming.HF, byName(t, "tiny_p16_32"))
	for _, c := range []struct {
		name     string
		tensors  []tensor.Named
		prefixes []string
	}{
		{"teacher and student", slices.Concat(under("teacher.", timm), under("student.", timm)), []string{"student", "teacher"}},
		{"average", slices.Concat(under("model.", timm), under("model_ema.module.", timm)), []string{"model", "model_ema"}},
		{"average inside", slices.Concat(timm, under("ema.", timm)), []string{"", "ema"}},
		{"module would make them one", slices.Concat(timm, under("module.", timm)), []string{"", "module"}},
		{"of a scheme with a prefix", slices.Concat(under("a.", hf), under("b.", hf)), []string{"a.beit", "b.beit"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := naming.Read(t.Context(), c.tensors, naming.Options{})
			var several *naming.SeveralModelsError
			if !errors.As(err, &several) || !slices.Equal(several.Prefixes, c.prefixes) {
				t.Errorf("%T %v", err, err)
			}
		})
	}
}

func TestRead_RefusesWhatMayBelongToTheModel(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_32")
	timm := write(t, naming.Timm, config)
	headless := under("net.encoder.", without(timm, "head.weight", "head.bias"))
	for _, c := range []struct {
		name     string
		tensors  []tensor.Named
		patterns []string
	}{
		{"a linear layer behind it", append(slices.Clone(headless), zeros("net.fc.weight", 10, 32), zeros("net.fc.bias", 10)), []string{"net.fc.*"}},
		{"a norm behind it", append(slices.Clone(headless), zeros("bn.running_mean", 32)), []string{"bn.*"}},
		{"a distillation token", append(under("model.", timm), zeros("dist_token", 1, 1, 32)), []string{"dist_token"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := naming.Read(t.Context(), c.tensors, naming.Options{})
			var beside *naming.BesideError
			if !errors.As(err, &beside) || !slices.Equal(beside.Patterns, c.patterns) {
				t.Errorf("%T %v, %+v", err, err, beside)
			}
		})
	}
	// Without a prefix nothing is beside the model.
	for _, extra := range []tensor.Named{zeros("dist_token", 1, 1, 32), zeros("head_dist.weight", 10, 32), zeros("fc.weight", 10, 32), zeros("reg_token", 1, 4, 32)} {
		if _, err := naming.Read(t.Context(), append(slices.Clone(timm), extra), naming.Options{}); err == nil {
			t.Errorf("%s was left out", extra.Name)
		}
	}
}

// Missing and ill-shaped tensors are named as the file would have them.
func TestRead_MismatchHasThePrefix(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_32")
	for scheme, want := range map[string]string{naming.Timm: "net.blocks.1.mlp.fc1.weight", naming.HF: "net.beit.encoder.layer.1.intermediate.dense.weight"} {
		whole := under("net.", write(t, scheme, config))
		var mismatch *naming.MismatchError
		_, err := naming.Read(t.Context(), without(whole, want), naming.Options{Scheme: scheme})
		if !errors.As(err, &mismatch) || len(mismatch.Missing) != 1 || mismatch.Missing[0].Name != want {
			t.Errorf("%s: %v", scheme, err)
		}
		_, err = naming.Read(t.Context(), reshaped(whole, want, 5, 32), naming.Options{Scheme: scheme})
		if !errors.As(err, &mismatch) || len(mismatch.Shapes) != 1 || mismatch.Shapes[0].Name != want || !mismatch.Shapes[0].Want.Equal(tensor.Shape{config.HiddenDim, config.EmbedDim}) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

// Of schemes that mean the same, the one whose own prefix a file has is named.
func TestRead_PrefixOfAScheme(t *testing.T) {
	t.Parallel()
	model, err := naming.Read(t.Context(), write(t, naming.PASSL, byName(t, "tiny_mim_p16_64")), naming.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if model.Scheme != naming.PASSL || len(model.Equivalent) > 0 || strings.Contains(strings.Join(model.Notes, "\n"), "was removed") {
		t.Errorf("read as %s, equivalent %q, notes %q", model.Scheme, model.Equivalent, model.Notes)
	}
}
