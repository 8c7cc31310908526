package beitzoo

import (
	"context"
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/tokenizer"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Tokenizer turns images into visual tokens. It may be used from several goroutines at once.
type Tokenizer struct {
	*tokenizer.Tokenizer
	Facts

	loaded engine.Model
}

// Close is that of [Model].
func (t *Tokenizer) Close() error { return t.loaded.Close() }

// LoadTokenizer is [Load] for a tokenizer: the encoder of a dVAE, or VQ-KD. Errors are those of [convert.Open], [card.ChooseRecipe], [tokenizer.Check] and the
// engine, and one that is [errdef.ErrInput] for parameters that are not finite, which tokens would not show.
func LoadTokenizer(ctx context.Context, weights Weights, options Options) (*Tokenizer, error) {
	opened, err := weights.Open(ctx, options.Checkpoint)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	t, err := tokenizerOf(ctx, weights, opened, options)
	if err != nil {
		return nil, err
	}
	half := options.Run.DType == tensor.F16 || options.Run.DType == tensor.BF16
	t.Checked = half
	return t, nil
}

func tokenizerOf(ctx context.Context, weights Weights, opened *convert.Model, options Options) (*Tokenizer, error) {
	if !opened.Config.Tokenizes() {
		return nil, fmt.Errorf("%s: %w", weights.name(), &tokenizer.KindError{Config: opened.Config})
	}
	facts, err := factsOf(ctx, weights, opened, options, tokenizer.Check)
	if err != nil {
		return nil, err
	}
	if err := finite(opened.Tensors); err != nil {
		return nil, fmt.Errorf("%s: %w", weights.name(), err)
	}
	loaded, err := loadInto(ctx, opened, options)
	if err != nil {
		return nil, err
	}
	own, err := tokenizer.New(loaded, facts.Card)
	if err != nil {
		loaded.Close()
		return nil, err
	}
	return &Tokenizer{Tokenizer: own, Facts: facts, loaded: loaded}, nil
}

// finite returns an error if a parameter has a value that is NaN or infinite.
func finite(tensors []tensor.Named) error {
	return tensor.Guard(func() error {
		for _, t := range tensors {
			values, err := tensor.Float64s(t.View)
			if err != nil {
				return err
			}
			for _, v := range values {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return errdef.New(errdef.ErrInput, fmt.Sprintf("the parameter %s has a value that is %g", text.Quote(t.Name), v))
				}
			}
		}
		return nil
	})
}
