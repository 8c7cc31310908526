package classify

import (
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
)

// Origin says where a recipe comes from.
type Origin string

// The origins of recipes.
const (
	// Asked: the caller named it.
	Asked Origin = "as asked for"
	// Manifest: the manifest of the weights holds it.
	Manifest Origin = "the manifest"
	// Processor: the preprocessor_config.json beside the weights describes it.
	Processor Origin = "preprocessor_config.json"
	// Architecture: all weights of the architecture were trained with it.
	Architecture Origin = "the architecture"
	// Usual: it is a guess, from the program whose names the parameters have.
	Usual Origin = "usual for weights of this naming scheme"
)

// Known is what is known about how images are prepared for a model. The first field that is set counts.
type Known struct {
	// Asked is the name of the recipe that the caller wants, one of [card.RecipeNames].
	Asked string
	// Stated is the recipe that came with the weights, and StatedIn says where.
	Stated   *card.Recipe
	StatedIn Origin
	// Usual is the name of the recipe that most weights like these want.
	Usual string
}

// Choice is a recipe for a model.
type Choice struct {
	Recipe card.Recipe
	// Name is that of the recipe, or empty if it was stated in full.
	Name string
	// From says why it is this one.
	From Origin
}

// Guessed reports whether nothing but a custom speaks for the recipe. The wrong one costs a few percent of the accuracy, and no error shows it.
func (c Choice) Guessed() bool { return c.From == Usual }

// ownRecipes are those of architectures whose weights all want the same, whatever their naming scheme.
var ownRecipes = map[string]string{"digits_p16_64": "passl-digits"}

// ChooseRecipe returns how images are prepared for a model of an architecture. A model that does not classify is a *[ModelError], the name of a
// recipe that does not exist a *[card.UnknownRecipeError], and no knowledge at all [ErrNoRecipe].
func ChooseRecipe(config arch.Config, known Known) (Choice, error) {
	if err := CheckModel(config); err != nil {
		return Choice{}, err
	}
	choice := Choice{Name: known.Asked, From: Asked}
	switch own := ownRecipes[config.Name]; {
	case known.Asked != "":
	case known.Stated != nil:
		return Choice{Recipe: *known.Stated, From: known.StatedIn}, nil
	case own != "":
		choice.Name, choice.From = own, Architecture
	case known.Usual != "":
		choice.Name, choice.From = known.Usual, Usual
	default:
		return Choice{}, ErrNoRecipe
	}
	var err error
	choice.Recipe, err = card.RecipeFor(choice.Name, config.ImageHeight)
	return choice, err
}
