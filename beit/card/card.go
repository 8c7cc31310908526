package card

import (
	"github.com/beitzoo/beitzoo/beit/arch"
)

// Card is what makes weights a model: the architecture, and the facts beside it.
type Card struct {
	// Config is the architecture, with the epsilon that the weights were trained with.
	Config arch.Config
	Facts
}

// Facts are what a program has to know about a model beside its architecture.
type Facts struct {
	// Labels are the names of the classes, in the order of the logits; nil if they are not known.
	Labels []string
	// Palette are the colours in which the classes of pixels are drawn, in the same order; nil if they are not known.
	Palette []Colour
	// Recipe says how images are prepared; nil if it is not known. RecipeName is its name if it is one of [RecipeNames], or empty.
	Recipe     *Recipe
	RecipeName string
	// Problem is what the logits mean.
	Problem Problem
	// StateDict is the key of the state dict that was taken of a checkpoint that held several, such as an average of the weights; empty otherwise.
	StateDict string
	// From says where each item of the card comes from. An item that is not known has no entry.
	From map[Item]Origin
}

// StatesRecipe reports whether a recipe is known, in full or by its name.
func (f Facts) StatesRecipe() bool { return f.Recipe != nil || f.RecipeName != "" }

// Unusual reports whether somebody who is told nothing would take the logits for something else.
func (p Problem) Unusual() bool { return p != "" && p != SingleLabel }

// Problem says what the logits of a classifier mean, in the words of transformers' problem_type. Empty is [SingleLabel] unless there is only one class.
type Problem string

// The meanings of logits.
const (
	// SingleLabel: one class is the right one, and probabilities sum to 1.
	SingleLabel Problem = "single_label_classification"
	// MultiLabel: each class is true or false by itself.
	MultiLabel Problem = "multi_label_classification"
	// Regression: the values are measurements.
	Regression Problem = "regression"
)

// Problems lists the known values of [Problem].
func Problems() []string {
	return []string{string(SingleLabel), string(MultiLabel), string(Regression)}
}

// Item is a part of a card.
type Item string

// The items of a card.
const (
	Heads      Item = "heads"
	Window     Item = "window"
	Taps       Item = "taps"
	Epsilon    Item = "epsilon"
	Pooling    Item = "pooling"
	Bias       Item = "relative_position_bias"
	Activation Item = "activation"
	Labels     Item = "labels"
	Palette    Item = "palette"
	Preparing  Item = "recipe"
	ProblemIs  Item = "problem_type"
	StateDict  Item = "state_dict"
)

// Items lists the items in the order in which people read them.
func Items() []Item {
	return []Item{StateDict, Window, Heads, Taps, Pooling, Bias, Activation, Epsilon, Labels, Palette, Preparing, ProblemIs}
}

// Origin says where an item of a card comes from, as a phrase for people.
type Origin string

// The origins of items.
const (
	// Asked: the caller stated it.
	Asked Origin = "as asked for"
	// Manifest: the manifest of the weights holds it.
	Manifest Origin = "the manifest"
	// ManifestGuess is a guess: the manifest says that nobody stated it when the weights were published.
	ManifestGuess Origin = "the manifest, which says that it is a guess"
	// Described: the publisher states it in the description of the weights.
	Described Origin = "the description"
	// Config: the config.json of transformers beside the weights holds it.
	Config Origin = "config.json"
	// TimmConfig: the config.json of timm beside the weights holds it.
	TimmConfig Origin = "timm's config.json"
	// Processor: the preprocessor_config.json beside the weights describes it.
	Processor Origin = "preprocessor_config.json"
	// Metadata: the file of the weights says it about itself.
	Metadata Origin = "the file's metadata"
	// Module: the whole module in the file says it about itself, or its configuration does.
	Module Origin = "the module in the file"
	// Beside: what a training program keeps beside the state dict in the file states it.
	Beside Origin = "what lies beside the state dict in the file"
	// Data: the pictures that the model was trained on have it.
	Data Origin = "the data"
	// Map: the map by which the names of the weights are read states it.
	Map Origin = "the map"
	// Parameters: it follows from the names and shapes of the parameters.
	Parameters Origin = "the names and shapes of the parameters"
	// File: the file has nothing else to choose from.
	File Origin = "the file"
	// Architecture: all weights of this architecture have it.
	Architecture Origin = "the architecture"
	// Usual is a guess: weights of the program whose naming scheme the parameters have usually have it.
	Usual Origin = "usual for weights of this naming scheme"
	// Default is a guess: PASSL, unilm and timm have it built in.
	Default Origin = "the default of PASSL, unilm and timm"
	// CarriedGuess: the file's metadata says that it was a guess when the file was written.
	CarriedGuess Origin = "the file's metadata, which says that it was a guess"
	// Assumed is a guess, such as what is so in all released models.
	Assumed Origin = "assumed"
)

// Guess reports whether an item with this origin is not known for certain.
func (o Origin) Guess() bool {
	return o == Usual || o == Default || o == CarriedGuess || o == ManifestGuess || o == Assumed
}
