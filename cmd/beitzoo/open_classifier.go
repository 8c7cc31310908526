package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/internal/text"
)

// classifierFlags say how a model is opened, run and given images.
type classifierFlags struct {
	model  modelFlags
	engine engineFlags
	zoo    zooFlags
	// strict stops at the first image that cannot be read.
	strict bool
	// exif turns images as their files say.
	exif bool
	// digest computes the digest of the weights. It is no flag: a command that needs it sets it.
	digest bool
}

func (f *classifierFlags) flags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		boolFlag("strict", &f.strict, "stop at the first image that cannot be read"),
		boolFlag("exif", &f.exif, "turn images as their EXIF data says, as transformers' pipelines do; those who publish accuracies do not"),
	}, f.model.flags(), f.engine.flags(), f.zoo.flags())
}

// options returns what the flags say, checked.
func (f *classifierFlags) options() (options beitzoo.Options, err error) {
	options.Digest, options.Upright = f.digest, f.exif
	if options.Checkpoint, err = f.model.options(); err != nil {
		return options, err
	}
	options.Engine, options.Run, err = f.engine.choose()
	return options, err
}

// locate returns where the weights are that an argument names, and how the flags open them.
func (f *classifierFlags) locate(ctx context.Context, c *console, argument string) (weights beitzoo.Weights, options beitzoo.Options, err error) {
	if options, err = f.options(); err != nil {
		return weights, options, err
	}
	weights, err = f.zoo.locate(ctx, c, argument)
	return weights, options, err
}

// openClassifier opens the model that an argument names and loads it into the engine of the flags.
func openClassifier(ctx context.Context, c *console, argument string, f classifierFlags) (*beitzoo.Model, error) {
	weights, options, err := f.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	return f.loadClassifier(ctx, c, weights, options)
}

// loadClassifier loads weights into the engine of the options.
func (f *classifierFlags) loadClassifier(ctx context.Context, c *console, weights beitzoo.Weights, options beitzoo.Options) (*beitzoo.Model, error) {
	model, err := beitzoo.Load(ctx, weights, options)
	if err != nil {
		return nil, err
	}
	remarkGuesses(c, model.Source)
	if model.Card.Problem == card.Regression {
		c.remark("the model was trained to measure, not to classify (problem_type regression); probabilities of classes mean little")
	}
	remarkNameless(c, model)
	model.Strict = f.strict
	return model, nil
}

// remarkNameless says how the classes get names if nobody states them, and their number is that of a data set that the program knows.
func remarkNameless(c *console, model *beitzoo.Model) {
	classes := model.Classifier.Config().Classes
	if name := vocabulary.Sized(classes); name != "" && card.Placeholder(model.Labels()) {
		c.remark(fmt.Sprintf("nobody states the names of the %d classes; if they are those of %s, say so: --labels %s", classes, name, strings.ToLower(name)))
	}
}

// classifierFacts are what predict and eval say about the model that they use, and where each item comes from, with --json.
type classifierFacts struct {
	Model string `json:"model"`
	// Digest is that of the weights, if the command needs it.
	Digest string       `json:"weights_digest,omitempty"`
	Recipe statedRecipe `json:"recipe"`
	// LabelsFrom is empty if the classes have no names.
	LabelsFrom card.Origin `json:"labels_from,omitempty"`
	// StateDict is the key of the state dict in the file, or empty if there is only one without a key.
	StateDict   string      `json:"state_dict"`
	StateFrom   card.Origin `json:"state_dict_from,omitempty"`
	Epsilon     float64     `json:"epsilon"`
	EpsilonFrom card.Origin `json:"epsilon_from"`
	// EpsilonGuess says that the epsilon is not known for certain.
	EpsilonGuess bool `json:"epsilon_guess,omitempty"`
	// Function is what turns logits into probabilities, and ProblemType what it follows from, if that is stated. A model that does not classify has none.
	Function    classify.Function `json:"function,omitempty"`
	ProblemType card.Problem      `json:"problem_type,omitempty"`
}

// statedRecipe is a recipe with its name, if it has one, its source, and whether it is a guess.
type statedRecipe struct {
	card.Recipe
	Name  string      `json:"name,omitempty"`
	From  card.Origin `json:"from"`
	Guess bool        `json:"guess,omitempty"`
}

// factsOf returns the facts about the model that an argument named.
func factsOf(argument string, m *beitzoo.Model) classifierFacts {
	return statedFacts(argument, m.Facts, m.Function())
}

// extractorFacts is factsOf for a model that need not classify.
func extractorFacts(argument string, m *beitzoo.Extractor) classifierFacts {
	var function classify.Function
	if m.Config().Classifies() {
		function = classify.FunctionFor(m.Card.Problem, m.Config().Classes)
	}
	return statedFacts(argument, m.Facts, function)
}

func statedFacts(argument string, m beitzoo.Facts, function classify.Function) classifierFacts {
	known := m.Card
	recipe, epsilon := known.From[card.Preparing], known.From[card.Epsilon]
	f := classifierFacts{
		Model: argument, Digest: m.Digest, Recipe: statedRecipe{*known.Recipe, known.RecipeName, recipe, recipe.Guess()}, StateDict: m.StateDict,
		Epsilon: known.Config.Epsilon, EpsilonFrom: epsilon, EpsilonGuess: epsilon.Guess(), Function: function, ProblemType: known.Problem,
	}
	if f.StateDict != "" {
		f.StateFrom = known.From[card.StateDict]
	}
	if known.Labels != nil {
		f.LabelsFrom = known.From[card.Labels]
	}
	return f
}

// line says the facts in one line.
func (f classifierFacts) line(labels []string) string {
	name := f.Recipe.Name
	if name == "" {
		name = "of its own"
	}
	names := "none"
	if !card.Placeholder(labels) {
		names = strconv.Itoa(len(labels)) + originText(f.LabelsFrom)
	}
	state := ""
	if f.StateDict != "" {
		state = fmt.Sprintf("; state dict %q%s", f.StateDict, originText(f.StateFrom))
	}
	function := ""
	if f.Function != "" {
		function = fmt.Sprintf("; %s", f.Function)
		names = "; class names " + names
	} else {
		names = ""
	}
	turned := ""
	if f.Recipe.Orientation == card.Upright {
		turned = ", turned as the files say"
	}
	epsilon := ""
	if f.Epsilon != 0 { // a dVAE has none
		epsilon = fmt.Sprintf("; epsilon %g%s", f.Epsilon, originText(f.EpsilonFrom))
	}
	return fmt.Sprintf("recipe %s%s%s%s%s%s%s", name, originText(f.Recipe.From), turned, names, epsilon, function, state)
}

// unturned counts images that are stored otherwise than they are to be seen.
type unturned int

func (u *unturned) count(output classify.Output) {
	if output.Unturned != 0 {
		*u++
	}
}

// remark says how many there are.
func (u unturned) remark(c *console) {
	if u > 0 {
		c.remark(fmt.Sprintf("%s: the model saw %s as stored, mirrored or lying on the side; --exif turns images",
			text.Count(int(u), "image is to be turned by its EXIF data", "images are to be turned by their EXIF data"), map[bool]string{true: "it", false: "them"}[u == 1]))
	}
}

// unreadImage is an image that could not be read, with --json.
type unreadImage struct {
	Image string `json:"image"`
	Error string `json:"error"`
}

func unreadOf(failure *preprocess.FileError) unreadImage {
	return unreadImage{text.Valid(failure.Path), failure.Err.Error()}
}
