package classify

import (
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
)

// Origin says where a recipe comes from.
type Origin string

// The origins of recipes.
const (
	// Asked means that the caller named the recipe.
	Asked Origin = "as asked for"
	// Manifest means that the manifest of the weights holds it.
	Manifest Origin = "the manifest"
	// Processor means that the preprocessor_config.json beside the weights describes it.
	Processor Origin = "preprocessor_config.json"
	// Architecture means that all weights of this architecture were trained with it.
	Architecture Origin = "the architecture"
	// Usual means that it is a guess: the recipe of the program whose naming scheme the parameters have.
	Usual Origin = "usual for weights of this naming scheme"
)

// Known is what is known about how images are prepared for a model. Of the fields that are set, the first one decides; a recipe that belongs to the
// architecture comes before Usual.
type Known struct {
	// Asked is the name of the recipe that the caller wants, one of [card.RecipeNames].
	Asked string
	// Stated is the recipe that came with the weights, and StatedIn says where.
	Stated   *card.Recipe
	StatedIn Origin
	// Usual is the name of the recipe that most weights of this kind were trained with.
	Usual string
}

// Choice is a recipe for a model.
type Choice struct {
	Recipe card.Recipe
	// Name is that of the recipe, or empty if it was stated in full.
	Name string
	// From says on which fact the choice rests.
	From Origin
}

// Guessed reports whether the recipe is a guess. With the wrong recipe a model still runs, but loses a few percent of its accuracy.
func (c Choice) Guessed() bool { return c.From == Usual }

// ownRecipes has the recipes of architectures whose weights were all trained with the same one, whatever their naming scheme.
var ownRecipes = map[string]string{"digits_p16_64": "passl-digits"}

// ChooseRecipe returns the recipe for a model of an architecture. The error is a *[ModelError] if the model does not classify, a
// *[card.UnknownRecipeError] if no recipe has the given name, and [ErrNoRecipe] if nothing is known.
func ChooseRecipe(config arch.Config, known Known) (Choice, error) {
	if err := checkModel(config); err != nil {
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
