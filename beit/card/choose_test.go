package card_test

import (
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
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
		known    card.Known
		from     card.Origin
		recipe   string
		resizeTo int
	}{
		{"asked for", base, card.Known{Asked: "unilm", Stated: &stated, StatedIn: card.Manifest, Usual: "timm"}, card.Asked, "unilm", 256},
		{"stated", base, card.Known{Stated: &stated, StatedIn: card.Processor, Usual: "timm"}, card.Processor, "", 224},
		{"usual", base, card.Known{Usual: "timm"}, card.Usual, "timm", 248},
		{"architecture", digits, card.Known{Usual: "timm"}, card.Architecture, "passl-digits", 64},
		{"dVAE", arch.Config{Kind: arch.DVAEEncoder, ImageHeight: 112, ImageWidth: 112, Channels: 3}, card.Known{Usual: "timm"}, card.Architecture, "dvae", 112},
		{"VQ-KD", arch.Config{Kind: arch.VQKD, ImageHeight: 224, ImageWidth: 224, Channels: 3}, card.Known{Usual: "timm"}, card.Usual, "vqkd", 256},
		{"stated beside an architecture", digits, card.Known{Stated: &stated, StatedIn: card.Manifest}, card.Manifest, "", 224},
	} {
		got, err := card.ChooseRecipe(c.config, c.known)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got.From != c.from || got.Name != c.recipe || got.Recipe.ResizeTo != c.resizeTo || got.Guessed() != (c.from == card.Usual) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	if _, err := card.ChooseRecipe(base, card.Known{Asked: "tim"}); !errors.As(err, new(*card.UnknownRecipeError)) {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := card.ChooseRecipe(base, card.Known{}); !errors.Is(err, card.ErrNoRecipe) {
		t.Errorf("nothing known: %v", err)
	}
}
