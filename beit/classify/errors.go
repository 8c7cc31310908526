package classify

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// ModelError says that models of an architecture cannot classify images.
type ModelError struct {
	Config arch.Config
	// Reason says why, as a sentence without a full stop.
	Reason string
}

func (e *ModelError) Error() string { return e.Reason }

// Is reports that the wrong model was chosen.
func (e *ModelError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says which model to use instead.
func (e *ModelError) Hint() string {
	if !e.Config.Classifies() && e.Config.ImageHeight == e.Config.ImageWidth && e.Config.Channels == arch.RGB {
		return "masked-image-modelling and headless models can't classify; take a fine-tuned one"
	}
	return "such a model can be converted and verified; its images have to be prepared by the program that it was trained with"
}

// RecipeSizeError says that a recipe makes images of another size than the model takes. Both sizes are in pixels a side.
type RecipeSizeError struct {
	Recipe, Model int
	// RecipeFrom and ModelFrom say where the sizes come from; they may be empty.
	RecipeFrom, ModelFrom card.Origin
}

func (e *RecipeSizeError) Error() string {
	from := func(origin card.Origin) string {
		if origin == "" {
			return ""
		}
		return fmt.Sprintf(" (%s)", origin)
	}
	return fmt.Sprintf("the recipe%s makes images of %d x %d pixels, the model%s takes %d x %d", from(e.RecipeFrom), e.Recipe, e.Recipe, from(e.ModelFrom), e.Model, e.Model)
}

// Is reports that the recipe, which comes with the weights, does not belong to them.
func (e *RecipeSizeError) Is(kind error) bool { return kind == errdef.ErrInput }

// UnreadError says which of several images could not be read. All others were classified.
type UnreadError struct {
	// Total is the number of all images.
	Total int
	// Failures are about those that could not be read, in their order.
	Failures []*preprocess.FileError
}

// listed is how many images the message names; Failures has all.
const listed = 20

func (e *UnreadError) Error() string {
	lines := []string{fmt.Sprintf("%d of %s could not be read", len(e.Failures), text.Count(e.Total, "image", "images"))}
	for i, failure := range e.Failures {
		if i == listed {
			lines = append(lines, fmt.Sprintf("  and %d more", len(e.Failures)-i))
			break
		}
		lines = append(lines, "  "+failure.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the failures.
func (e *UnreadError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, failure := range e.Failures {
		errs[i] = failure
	}
	return errs
}

// Is reports that images are unusable input.
func (e *UnreadError) Is(kind error) bool { return kind == errdef.ErrInput }

// NotFiniteError says that a logit is NaN or infinite, so the classes cannot be ranked.
type NotFiniteError struct {
	// Image is the index of the image in the call; Name is the path of its file, or empty.
	Image int
	Name  string
	// Class is the first class with such a logit, and Value is the logit.
	Class int
	Value float64
	// Stage is empty; for an activation that an [Extractor] was asked for it is the name of its stage, and Class is the index of the value.
	Stage string
}

func (e *NotFiniteError) Error() string {
	name := fmt.Sprintf("image %d", e.Image)
	if e.Name != "" {
		name = fmt.Sprintf("image %q", e.Name)
	}
	if e.Stage != "" {
		return fmt.Sprintf("%s: value %d of %s is %g", name, e.Class, e.Stage, e.Value)
	}
	return fmt.Sprintf("%s: the logit of class %d is %g", name, e.Class, e.Value)
}

// Is reports that the weights are unusable.
func (e *NotFiniteError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint names the possible causes.
func (e *NotFiniteError) Hint() string {
	return "either the weights hold values that are not finite, or half precision overflows: run the model in float32"
}
