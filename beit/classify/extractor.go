package classify

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Extractor runs images through a model and returns activations of its stages. Unlike a [Classifier] it needs no classes: the model may be one for masked-image
// modelling, or have no head. It may be used from several goroutines at once. Its fields must not be changed after the first use.
type Extractor struct {
	// BatchSize and Strict are those of a [Classifier].
	BatchSize int
	Strict    bool

	model engine.Model
	card  card.Card
}

// NewExtractor returns an extractor for a model that an engine loaded with known.Config. The caller closes the model, after the last use of the extractor. Of
// known it uses the recipe. The error is a *[ModelError], *[RecipeSizeError], *[card.RecipeError] or [card.ErrNoRecipe].
func NewExtractor(model engine.Model, known card.Card) (*Extractor, error) {
	if err := CheckExtractor(known); err != nil {
		return nil, err
	}
	return &Extractor{BatchSize: DefaultBatchSize, model: model, card: known}, nil
}

// CheckExtractor returns the error of [NewExtractor], or nil, for what is known of a model.
func CheckExtractor(known card.Card) error {
	if err := CheckPictures(known.Config); err != nil {
		return err
	}
	return checkRecipe(known)
}

// Config returns the architecture of the model.
func (e *Extractor) Config() arch.Config { return e.card.Config }

// Recipe returns how images are prepared for the model.
func (e *Extractor) Recipe() card.Recipe { return *e.card.Recipe }

// Stream is [Classifier.Stream] with the activations of stages in each output, in float64, which holds the values of every dtype. Logits are there if the model
// classifies. An activation that is not finite is a *[NotFiniteError]. For a stage that the model does not have the error is a *[StageError].
func (e *Extractor) Stream(ctx context.Context, images iter.Seq2[Image, error], stages []engine.Stage, o StreamOptions) iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		known := engine.Stages(e.card.Config)
		for _, stage := range stages {
			if !slices.Contains(known, stage) {
				yield(Output{}, &StageError{Stage: stage, Config: e.card.Config})
				return
			}
		}
		c := &Classifier{BatchSize: e.BatchSize, Strict: e.Strict, model: e.model, card: e.card, stages: stages}
		for output, err := range c.Stream(ctx, images, o) {
			if err == nil {
				err = finite(output, stages)
			}
			if !yield(output, err) || err != nil {
				return
			}
		}
	}
}

// finite returns a *NotFiniteError if an activation of an output has a value that is NaN or infinite.
func finite(output Output, stages []engine.Stage) error {
	for _, stage := range stages {
		if err := checkFinite(output.Activations[stage].Values, output.Index, output.Name); err != nil {
			if problem := (*NotFiniteError)(nil); errors.As(err, &problem) {
				problem.Stage = stage.String()
			}
			return err
		}
	}
	return nil
}

// StageError says that a model does not have a stage.
type StageError struct {
	Stage  engine.Stage
	Config arch.Config
}

func (e *StageError) Error() string { return fmt.Sprintf("the model has no stage %s", e.Stage) }

// Is reports wrong usage.
func (e *StageError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what the model has.
func (e *StageError) Hint() string {
	return fmt.Sprintf("the model has %s, from blocks.0 to blocks.%d", text.Count(e.Config.Depth, "block", "blocks"), e.Config.Depth-1)
}
