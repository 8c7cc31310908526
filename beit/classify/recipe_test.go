package classify_test

import (
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
)

func TestChooseRecipe(t *testing.T) {
	t.Parallel()
	base, err := arch.ByName("beit_base_p16_224")
	if err != nil {
		t.Fatal(err)
	}
	digits, err := arch.ByName("digits_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	stated, err := card.RecipeFor("hf", 224)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		config   arch.Config
		known    classify.Known
		from     classify.Origin
		recipe   string
		resizeTo int
	}{
		{"asked for", base, classify.Known{Asked: "unilm", Stated: &stated, StatedIn: classify.Manifest, Usual: "timm"}, classify.Asked, "unilm", 256},
		{"stated", base, classify.Known{Stated: &stated, StatedIn: classify.Processor, Usual: "timm"}, classify.Processor, "", 224},
		{"usual", base, classify.Known{Usual: "timm"}, classify.Usual, "timm", 248},
		{"architecture", digits, classify.Known{Usual: "timm"}, classify.Architecture, "passl-digits", 64},
		{"stated beside an architecture", digits, classify.Known{Stated: &stated, StatedIn: classify.Manifest}, classify.Manifest, "", 224},
	} {
		got, err := classify.ChooseRecipe(c.config, c.known)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got.From != c.from || got.Name != c.recipe || got.Recipe.ResizeTo != c.resizeTo || got.Guessed() != (c.from == classify.Usual) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	if _, err := classify.ChooseRecipe(base, classify.Known{Asked: "tim"}); !errors.As(err, new(*card.UnknownRecipeError)) {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := classify.ChooseRecipe(base, classify.Known{}); !errors.Is(err, classify.ErrNoRecipe) {
		t.Errorf("nothing known: %v", err)
	}
	base.MaskToken = true
	if _, err := classify.ChooseRecipe(base, classify.Known{Usual: "timm"}); !errors.As(err, new(*classify.ModelError)) {
		t.Errorf("not a classifier: %v", err)
	}
}
