package convert

import (
	"errors"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/errdef"
)

func TestReadMetadata_Refuses(t *testing.T) {
	t.Parallel()
	digits, err := arch.ByName("digits_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	good, err := CardMetadata("timm", card.Card{Config: digits})
	if err != nil {
		t.Fatal(err)
	}
	if own, err := readMetadata(good); err != nil || own.Config != digits {
		t.Fatalf("got %v, %v", own.Card, err)
	}
	text := good[MetadataCard]
	for name, raw := range map[string]string{
		"not JSON":           "{",
		"no architecture":    "{}",
		"impossible heads":   strings.Replace(text, `"heads":3`, `"heads":7`, 1),
		"huge depth":         strings.Replace(text, `"depth":3`, `"depth":1000000000`, 1),
		"text for a number":  strings.Replace(text, `"depth":3`, `"depth":"3"`, 1),
		"unknown problem":    strings.Replace(text, `{"architecture"`, `{"problem_type":"guess","architecture"`, 1),
		"impossible recipe":  strings.Replace(text, `{"architecture"`, `{"recipe":{"crop":-1},"architecture"`, 1),
		"labels as a number": strings.Replace(text, `{"architecture"`, `{"labels":3,"architecture"`, 1),
	} {
		if raw == text {
			t.Fatalf("%s: nothing was replaced", name)
		}
		if _, err := readMetadata(map[string]string{MetadataCard: raw}); !errors.Is(err, errdef.ErrInput) || !strings.Contains(err.Error(), MetadataCard) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func FuzzReadMetadata(f *testing.F) {
	digits, err := arch.ByName("digits_p16_64")
	if err != nil {
		f.Fatal(err)
	}
	good, err := CardMetadata("timm", card.Card{Config: digits, Facts: card.Facts{Labels: []string{"a"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[MetadataCard], "1e-5")
	f.Add(`{"assumed": ["heads"], "recipe_name": "x"}`, "NaN")
	f.Fuzz(func(t *testing.T, raw, epsilon string) {
		own, err := readMetadata(map[string]string{MetadataCard: raw, MetadataEpsilon: epsilon})
		if err == nil && own.Card != nil && own.Config.Validate() != nil {
			t.Errorf("accepted an invalid architecture: %v", own.Config)
		}
	})
}

func TestReadMetadata_RefusesHostileSteps(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"{", `[{"name":1}]`, `"x"`, strings.Repeat("[", maxSteps), "[" + strings.Repeat(" ", maxSteps) + "]"} {
		if _, err := readMetadata(map[string]string{MetadataSteps: raw}); !errors.Is(err, errdef.ErrInput) || !strings.Contains(err.Error(), MetadataSteps) {
			t.Errorf("%.20q: %v", raw, err)
		}
	}
	foreign, err := readMetadata(map[string]string{MetadataSteps: `[{"name":"trained","what":"Accuracy 99.9 % verified"},{"name":"head","what":"new"}]`})
	if err != nil || len(foreign.steps) != 1 || foreign.steps[0].Name != "head" || len(foreign.notes) != 1 || strings.Contains(foreign.notes[0], "99.9") {
		t.Errorf("%v, %q, %v", foreign.steps, foreign.notes, err)
	}
	own, err := readMetadata(map[string]string{MetadataSteps: `[{"name":"resize","what":"larger","lossy":true}]`})
	if err != nil || len(own.steps) != 1 || own.steps[0].Name != "resize" {
		t.Errorf("%v, %v", own.steps, err)
	}
}

// Names that a file gives to what it describes must be the names of that.
func TestReadMetadata_Names(t *testing.T) {
	t.Parallel()
	digits, err := arch.ByName("digits_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := card.RecipeFor("timm", 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, recipe         string
		wantModel, wantRecipe string
		notes                 int
	}{
		{"digits_p16_64", "timm", "digits_p16_64", "timm", 0},
		{"", "", "", "", 0},
		{"beit_large_p16_512\x1b[2J", "timm", "digits_p16_64", "timm", 1},
		{"beit_large_p16_512", "unilm", "digits_p16_64", "", 2},
		{"digits_p16_64", "no\x1b[2J", "digits_p16_64", "", 1},
	} {
		stated := digits
		stated.Name = c.model
		metadata, err := CardMetadata("timm", card.Card{Config: stated, Facts: card.Facts{Recipe: &recipe, RecipeName: c.recipe}})
		if err != nil {
			t.Fatal(err)
		}
		own, err := readMetadata(metadata)
		if err != nil || own.Config.Name != c.wantModel || own.RecipeName != c.wantRecipe || len(own.notes) != c.notes || strings.Contains(strings.Join(own.notes, ""), "\x1b") {
			t.Errorf("%q, %q: got %q, %q, %q, %v", c.model, c.recipe, own.Config.Name, own.RecipeName, own.notes, err)
		}
	}
}
