package tokenizer

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
)

// Tokenizer is a loaded model that turns images into visual tokens, with the recipe that prepares them. It may be used from several goroutines at once. Its
// fields must not be changed after the first use.
type Tokenizer struct {
	// BatchSize is how many images go through the model at once.
	BatchSize int
	// Strict stops at the first image that cannot be read, with its *[preprocess.FileError].
	Strict bool

	model engine.Model
	card  card.Card
}

// KindError says that a model makes no visual tokens.
type KindError struct{ Config arch.Config }

func (e *KindError) Error() string {
	if e.Config.Kind == arch.DVAEDecoder {
		return "the model is the decoder of a dVAE, which makes pictures of visual tokens, and not the tokenizer"
	}
	return "the model is no tokenizer: it makes no visual tokens of pictures"
}

// Is reports that the wrong model was chosen.
func (e *KindError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what is one.
func (e *KindError) Hint() string {
	return "tokenizers are the encoder of OpenAI's dVAE for BEiT, and VQ-KD for BEiT v2"
}

// Check returns an error if images cannot be tokenised with what is known of a model: a *[KindError], *[classify.ModelError], *[classify.RecipeSizeError],
// *[card.RecipeError], or [card.ErrNoRecipe].
func Check(known card.Card) error {
	if !known.Config.Tokenizes() {
		return &KindError{known.Config}
	}
	return classify.CheckExtractor(known)
}

// New returns a tokenizer for a model that an engine loaded with known.Config. The caller closes the model, after the last use of the tokenizer. The error is
// that of [Check].
func New(model engine.Model, known card.Card) (*Tokenizer, error) {
	if err := Check(known); err != nil {
		return nil, err
	}
	return &Tokenizer{BatchSize: classify.DefaultBatchSize, model: model, card: known}, nil
}

// Config returns the architecture of the tokenizer.
func (t *Tokenizer) Config() arch.Config { return t.card.Config }

// Recipe returns how images are prepared for it.
func (t *Tokenizer) Recipe() card.Recipe { return *t.card.Recipe }

// Output is what the tokenizer made of one image.
type Output struct {
	// Index is the place of the image in the sequence that was given, from 0, and Name its name.
	Index int
	Name  string
	// Tokens are those of its patches, row by row; nil if the image could not be read: then Failure says why.
	Tokens  []int32
	Failure *preprocess.FileError
	// Unturned is the orientation that the file states, if the recipe did not turn the image; see [preprocess.Prepared].
	Unturned int
}

// Stream is [classify.Classifier.Stream] for tokens: images are read and prepared while the model computes, and outputs come in the order of images.
// Values that are not finite, from which no token can be chosen, are a *[classify.NotFiniteError].
func (t *Tokenizer) Stream(ctx context.Context, images iter.Seq2[classify.Image, error], o classify.StreamOptions) iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		extractor, err := classify.NewExtractor(t.model, t.card)
		if err != nil {
			yield(Output{}, err)
			return
		}
		extractor.BatchSize, extractor.Strict = t.BatchSize, t.Strict
		wanted := engine.Stage{Kind: engine.Tokens}
		for found, err := range extractor.Stream(ctx, images, []engine.Stage{wanted}, o) {
			output := Output{Index: found.Index, Name: found.Name, Failure: found.Failure, Unturned: found.Unturned}
			if err == nil && found.Failure == nil {
				output.Tokens, err = t.tokens(found.Activations[wanted].Values)
			}
			if !yield(output, err) || err != nil {
				return
			}
		}
	}
}

// tokens returns the values of an activation as numbers of tokens.
func (t *Tokenizer) tokens(values []float64) ([]int32, error) {
	if want := t.card.Config.Patches(); len(values) != want {
		return nil, fmt.Errorf("the engine returned %d tokens for an image, not %d", len(values), want)
	}
	tokens := make([]int32, len(values))
	for i, v := range values {
		if v != math.Trunc(v) || !(v >= 0 && v < float64(t.card.Config.Vocabulary())) {
			return nil, fmt.Errorf("the engine returned the token %g of %d", v, t.card.Config.Vocabulary())
		}
		tokens[i] = int32(v)
	}
	return tokens, nil
}
