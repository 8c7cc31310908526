package beitzoo

import (
	"cmp"
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/tokenizer"
	"github.com/beitzoo/beitzoo/convert"
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
// engine.
func LoadTokenizer(ctx context.Context, weights Weights, options Options) (*Tokenizer, error) {
	opened, err := weights.Open(ctx, options.Checkpoint)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return tokenizerOf(ctx, weights, opened, options)
}

func tokenizerOf(ctx context.Context, weights Weights, opened *convert.Model, options Options) (*Tokenizer, error) {
	if !opened.Config.Tokenizes() {
		return nil, fmt.Errorf("%s: %w", weights.name(), &tokenizer.KindError{Config: opened.Config})
	}
	facts, err := factsOf(ctx, weights, opened, options, tokenizer.Check)
	if err != nil {
		return nil, err
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
	own.BatchSize = cmp.Or(options.Run.Batch, own.BatchSize)
	return &Tokenizer{Tokenizer: own, Facts: facts, loaded: loaded}, nil
}
