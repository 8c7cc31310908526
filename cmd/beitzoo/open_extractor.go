package main

import (
	"context"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/attention"
)

// openExtractor opens the model that an argument names, whether or not it classifies, and loads it into the engine of the flags. view says what is shown of its
// attention, if that is wanted.
func openExtractor(ctx context.Context, c *console, argument string, f classifierFlags, view *attention.Options) (*beitzoo.Extractor, error) {
	weights, options, err := f.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	options.Attention = view
	model, err := beitzoo.LoadExtractor(ctx, weights, options)
	if err != nil {
		return nil, err
	}
	remarkGuesses(c, model.Source)
	model.Strict = f.strict
	return model, nil
}
