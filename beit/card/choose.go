package card

import (
	"errors"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
)

// ErrNoRecipe says that nothing is known about how images are prepared for a model: all fields of [Known] are empty.
var ErrNoRecipe = errdef.New(errdef.ErrUsage, "it is not known how images are prepared for the model; name a recipe")

// ErrNotSquare says that a model takes images that are not square: no named recipe makes such images.
var ErrNotSquare = errdef.New(errdef.ErrUsage, "the model takes images that are not square, for which there is no recipe")

// ErrNotRGB says that a model takes images of another number of channels than the three of red, green and blue: no recipe makes such images.
var ErrNotRGB = errdef.New(errdef.ErrUsage, "the model does not take images of three channels, red, green and blue, and there is no recipe for others")

// NoRecipe reports whether an error says that no recipe makes the images that a model takes: [ErrNotSquare] or [ErrNotRGB].
func NoRecipe(err error) bool { return errors.Is(err, ErrNotSquare) || errors.Is(err, ErrNotRGB) }

// Known is what is known about how images are prepared for a model. Of the fields that are set, the first one decides; a recipe that belongs to the
// architecture comes before Usual.
type Known struct {
	// Asked is the name of the recipe that the caller wants, one of [RecipeNames].
	Asked string
	// Stated is the recipe that came with the weights, StatedName its name if it has one, and StatedIn says where it stands.
	Stated     *Recipe
	StatedName string
	StatedIn   Origin
	// Usual is the name of the recipe that most weights of this kind were trained with.
	Usual string
}

// Choice is a recipe for a model.
type Choice struct {
	Recipe Recipe `json:"recipe"`
	// Name is that of the recipe, or empty if it was stated in full.
	Name string `json:"name,omitempty"`
	// From says on which fact the choice rests.
	From Origin `json:"from"`
}

// Guessed reports whether the recipe is a guess. With the wrong recipe a model still runs, but loses a few percent of its accuracy.
func (c Choice) Guessed() bool { return c.From.Guess() }

// ownRecipes has the recipes of architectures whose weights were all trained with the same one, whatever their naming scheme.
var ownRecipes = map[string]string{"digits_p16_64": "passl-digits", "digits_mim_p16_64": "passl-digits"}

// ownRecipe returns the name of the recipe with which all weights of an architecture were trained, or an empty text.
func ownRecipe(config arch.Config) string {
	if config.Kind == arch.DVAEEncoder {
		return "dvae"
	}
	return ownRecipes[config.Name]
}

// usualRecipe returns the recipe that most weights of an architecture were trained with, whatever their naming scheme; or usual.
func usualRecipe(config arch.Config, usual string) string {
	if config.Kind == arch.VQKD {
		return "vqkd"
	}
	return usual
}

// ChooseRecipe returns the recipe for a model of an architecture. The error is an *[UnknownRecipeError] if no recipe has the given name, and
// [ErrNoRecipe] if nothing is known, [ErrNotSquare] or [ErrNotRGB] if no named recipe makes the images that the model takes.
func ChooseRecipe(config arch.Config, known Known) (Choice, error) {
	choice := Choice{Name: known.Asked, From: Asked}
	usual := usualRecipe(config, known.Usual)
	switch own := ownRecipe(config); {
	case known.Asked != "":
	case known.Stated != nil:
		return Choice{Recipe: *known.Stated, Name: known.StatedName, From: known.StatedIn}, nil
	case own != "":
		choice.Name, choice.From = own, Architecture
	case usual != "":
		choice.Name, choice.From = usual, Usual
	default:
		return Choice{}, ErrNoRecipe
	}
	var err error
	choice.Recipe, err = RecipeFor(choice.Name, config.ImageHeight)
	if err == nil && config.ImageHeight != config.ImageWidth {
		return Choice{}, ErrNotSquare
	}
	if err == nil && config.Channels != arch.RGB {
		return Choice{}, ErrNotRGB
	}
	return choice, err
}
