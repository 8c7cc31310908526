package adapt

import (
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
)

// fitRecipe makes the recipe one for images of the model's new size. One with a name has its own rule for every size; the margin of another is scaled.
func (m *model) fitRecipe(old arch.Config) {
	before := m.Recipe
	if before == nil || before.Fits(m.Config) {
		return
	}
	drop := func(format string, args ...any) {
		m.Recipe, m.RecipeName = nil, ""
		delete(m.From, card.Preparing)
		m.note(format, args...)
	}
	size := m.Config.ImageHeight
	switch {
	case m.Config.ImageWidth != size:
		drop("the recipe for images makes squares of %d pixels, and is left out", before.Crop)
		return
	case !before.Fits(old):
		return // it never fitted, and readers are told so
	}
	if m.RecipeName != "" {
		recipe, err := card.RecipeFor(m.RecipeName, size)
		if err != nil {
			drop("the recipe %s has no images of %d pixels, and is left out", m.RecipeName, size)
			return
		}
		recipe.Rounding, recipe.Arithmetic, recipe.Orientation = before.Rounding, before.Arithmetic, before.Orientation
		m.Recipe = &recipe
	} else {
		recipe := *before
		recipe.Crop, recipe.ResizeTo = size, before.ResizeTo*size/before.Crop
		if err := recipe.Validate(); err != nil {
			drop("the recipe for images can't be scaled to %d pixels, and is left out: %s", size, err)
			return
		}
		m.Recipe = &recipe
		m.From[card.Preparing] = card.Assumed
	}
	if m.RecipeName != "" {
		m.note("images are resized to %d and cropped to %d pixels, as the recipe %s has it for this size", m.Recipe.ResizeTo, size, m.RecipeName)
		return
	}
	m.note("images are resized to %d and cropped to %d pixels: %d and %d, scaled; state a recipe if another is meant", m.Recipe.ResizeTo, size, before.ResizeTo, before.Crop)
}
