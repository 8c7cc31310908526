package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
)

// classifierFlags say how a model is opened, run and given images.
type classifierFlags struct {
	model  modelFlags
	engine engineFlags
	zoo    zooFlags
}

func (f *classifierFlags) flags() []cli.Flag {
	return slices.Concat(f.model.flags(), f.engine.flags(), f.zoo.flags())
}

// openClassifier opens the model that an argument names and loads it into the engine of the flags.
func openClassifier(ctx context.Context, c *console, argument string, f classifierFlags) (*beitzoo.Model, error) {
	var options beitzoo.Options
	var err error
	if options.Checkpoint, err = f.model.options(); err != nil {
		return nil, err
	}
	if options.Engine, options.Run, err = f.engine.choose(); err != nil {
		return nil, err
	}
	weights, err := f.zoo.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	return beitzoo.Load(ctx, weights, options)
}
