package mim

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
)

// ModelError says that a model does not recover visual tokens.
type ModelError struct {
	Config arch.Config
	// Reason says why, as a sentence without a full stop.
	Reason string
}

func (e *ModelError) Error() string { return e.Reason }

// Is reports that the wrong model was chosen.
func (e *ModelError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what is one.
func (e *ModelError) Hint() string {
	return "take the checkpoint of the pre-training: it has mask_token and lm_head"
}

// PairError says that a tokenizer is not that of a masked model.
type PairError struct {
	// Model and Tokenizer have what differs: the sides of the windows, or the numbers of tokens.
	Model, Tokenizer string
	// Window says that it is the windows.
	Window bool
}

func (e *PairError) Error() string {
	return fmt.Sprintf("the masked model predicts %s, and the tokenizer makes %s", e.Model, e.Tokenizer)
}

// Is reports that the wrong tokenizer was chosen.
func (e *PairError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *PairError) Hint() string {
	return "take the tokenizer of the same pre-training: the dVAE for BEiT, VQ-KD for BEiT v2"
}

// Check returns an error if a model does not recover visual tokens: a *[ModelError], *[arch.KindError], *[classify.ModelError], or one about its recipe.
func Check(known card.Card) error {
	c := known.Config
	fail := func(reason string) error { return &ModelError{c, reason} }
	switch {
	case c.Kind != arch.Transformer:
		return fail("the model is no masked model, but a part of a tokenizer")
	case c.Regression:
		return fail("the model predicts features of a teacher, and not visual tokens")
	case !c.Masked() || c.Classes == 0:
		return fail("the model has no head that predicts visual tokens")
	case !c.MaskToken:
		return fail("the model has no mask token")
	}
	return classify.CheckExtractor(known)
}

// CheckPair returns a *[PairError] if a tokenizer makes other numbers of tokens than a masked model predicts, or of another window.
func CheckPair(model, tokenizer arch.Config) error {
	height, width := model.Window()
	down, across := tokenizer.Window()
	if height != down || width != across {
		return &PairError{fmt.Sprintf("%d x %d tokens for a picture", height, width), fmt.Sprintf("%d x %d", down, across), true}
	}
	if model.Classes != tokenizer.Vocabulary() {
		return &PairError{fmt.Sprintf("one of %d tokens", model.Classes), fmt.Sprintf("%d different ones", tokenizer.Vocabulary()), false}
	}
	return nil
}

// View returns the recipe of a tokenizer for the part of a picture that a model sees: the size, filter and statistics are the tokenizer's, and where the picture
// is resized and cropped is the model's. Pre-training takes both from one crop (microsoft/unilm beit/transforms.py).
func View(tokenizer, model card.Recipe) card.Recipe {
	view := tokenizer
	view.Resize, view.Rounding, view.Orientation = model.Resize, model.Rounding, model.Orientation
	view.ResizeTo = int(math.RoundToEven(float64(model.ResizeTo) * float64(tokenizer.Crop) / float64(model.Crop)))
	return view
}

// Side is one of the two models of a pair, with the recipe that prepares its view of a picture.
type Side struct {
	Model  engine.Model
	Config arch.Config
	Recipe card.Recipe
}

// Pair is a masked model with the tokenizer of its pre-training.
type Pair struct {
	Masked, Tokenizer Side
	// Branch, if not nil, computes the logits of the branch for the class token.
	Branch *Branch
	// Batch is how many images go through the models at once, and Workers is how many are read and prepared at once; 0 means 8, and all cores.
	Batch, Workers int
}

// check returns an error if the pair can't be run.
func (p *Pair) check() error {
	facts := func(s Side) card.Card { return card.Card{Config: s.Config, Facts: card.Facts{Recipe: &s.Recipe}} }
	return errors.Join(Check(facts(p.Masked)), classify.CheckExtractor(facts(p.Tokenizer)), CheckPair(p.Masked.Config, p.Tokenizer.Config))
}

// tokens returns the visual tokens of images, [N, Patches].
func (s Side) tokens(ctx context.Context, pixels []float32, images int) ([]int32, error) {
	found, err := s.Model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
	if err != nil {
		return nil, err
	}
	if len(found.Values) != images*s.Config.Patches() {
		return nil, fmt.Errorf("the engine returned %d tokens for %d images", len(found.Values), images)
	}
	ids := make([]int32, len(found.Values))
	for i, v := range found.Values {
		if math.IsNaN(v) {
			return nil, &classify.NotFiniteError{Image: i / s.Config.Patches(), Class: i % s.Config.Patches(), Value: v, Stage: found.Name}
		}
		if !(v >= 0 && v < float64(s.Config.Vocabulary())) || v != math.Trunc(v) {
			return nil, fmt.Errorf("the engine returned the token %g of %d", v, s.Config.Vocabulary())
		}
		ids[i] = int32(v)
	}
	return ids, nil
}

// logits returns those of masked images, [N, Patches, Classes].
func (s Side) logits(ctx context.Context, pixels []float32, mask []bool, tap engine.Tap) ([]float64, error) {
	found, err := s.Model.Forward(ctx, engine.Input{Pixels: pixels, Mask: mask}, tap)
	if err != nil {
		return nil, err
	}
	if len(found.Values) != len(mask)*s.Config.Classes {
		return nil, fmt.Errorf("the engine returned %d logits for %d patches of %d tokens", len(found.Values), len(mask), s.Config.Classes)
	}
	for i, v := range found.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, &classify.NotFiniteError{Image: i / (s.Config.Patches() * s.Config.Classes), Class: i % s.Config.Classes, Value: v}
		}
	}
	return found.Values, nil
}
