package naming_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo"
)

// TestScheme_OneRecord adds a scheme by its record alone, and finds it wherever schemes are detected, written, listed, suggested or decide something.
// It runs before all parallel tests, as it changes what they share.
func TestScheme_OneRecord(t *testing.T) {
	defer naming.AddScheme("netscheme", "Netscape")()

	// written: format and key are those of the record
	path := filepath.Join(t.TempDir(), "digits")
	report, err := convert.Convert(t.Context(), "../../manifests/embedded/digits_p16_64.pdparams", path, convert.Options{
		SaveOptions: convert.SaveOptions{To: "netscheme", Prove: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Saved.Format != "pytorch" || report.Saved.Scheme != "netscheme" || len(report.Saved.Added) == 0 {
		t.Errorf("saved as %+v", report.Saved)
	}

	// detected, and equal to what it was made of
	model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Scheme != "netscheme" || model.File.Wrapper != "weights" || model.Config.Name != "digits_p16_64" {
		t.Errorf("read as %s, wrapper %q, %s", model.Scheme, model.File.Wrapper, model.Config.Name)
	}
	if !slices.ContainsFunc(model.Notes, func(note string) bool {
		return strings.Contains(note, "epsilon 1e-05 is a guess: it is the default of Netscape")
	}) {
		t.Errorf("notes %q", model.Notes)
	}
	difference, err := convert.Diff(t.Context(), "../../manifests/embedded/digits_p16_64.pdparams", path, convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil || !difference.Equal {
		t.Errorf("what is read back differs, %v", err)
	}

	// listed, for commands and for manifests
	if !slices.Contains(naming.Names(), "netscheme") || !slices.Contains(zoo.Known().Schemes, "netscheme") {
		t.Errorf("listed are %q and %q", naming.Names(), zoo.Known().Schemes)
	}

	// suggested
	var unknown *naming.UnknownSchemeError
	if _, err := naming.ByName("netshceme"); !errors.As(err, &unknown) || !strings.Contains(unknown.Hint(), "did you mean netscheme?") {
		t.Errorf("%v", err)
	}
	var foreign *naming.NotBEiTError
	if _, err := naming.Read(t.Context(), []tensor.Named{zeros("conv1.weight", 3)}, naming.Options{}); !errors.As(err, &foreign) || !strings.Contains(foreign.Hint(), "Netscape") {
		t.Errorf("%v", err)
	}
}

// Each record is complete: its recipe is one, its program has an epsilon, and of a scheme with wrappers some are for classifiers and some are not.
func TestSchemes_AreComplete(t *testing.T) {
	t.Parallel()
	for _, name := range naming.Names() {
		s, err := naming.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := card.RecipeFor(s.Recipe, 224); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !(s.Epsilon > 0) || s.Format == "" || s.Program == "" && name != naming.Canonical {
			t.Errorf("%s lacks something: %+v", name, s.Program)
		}
		masked := slices.ContainsFunc(s.Wrappers, func(w naming.Wrapper) bool { return w.Masked })
		classifier := slices.ContainsFunc(s.Wrappers, func(w naming.Wrapper) bool { return !w.Masked && w.Kind == arch.Transformer })
		if masked != classifier {
			t.Errorf("%s has wrappers for one kind of models only", name)
		}
	}
}
