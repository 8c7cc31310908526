package main

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
)

// classifierFlags say how a model is opened, run and given images.
type classifierFlags struct {
	model  modelFlags
	engine engineFlags
	zoo    zooFlags
	// recipe names a program, labels a file; both are empty if the model's own are to be used.
	recipe, labels string
}

func (f *classifierFlags) flags() []cli.Flag {
	recipe := &cli.StringFlag{
		Name: "recipe", Destination: &f.recipe, DefaultText: "that of the model",
		Usage: "prepare images as this `SOURCE` does: " + strings.Join(card.RecipeNames(), ", "),
	}
	return slices.Concat([]cli.Flag{recipe}, f.model.flags(), f.engine.flags(), f.zoo.flags())
}

// openClassifier opens the model that an argument names and loads it into the engine of the flags.
func openClassifier(ctx context.Context, c *console, argument string, f classifierFlags) (*beitzoo.Model, error) {
	options := beitzoo.Options{Recipe: f.recipe}
	var err error
	if options.Checkpoint, err = f.model.options(); err != nil {
		return nil, err
	}
	if options.Engine, options.Run, err = f.engine.choose(); err != nil {
		return nil, err
	}
	if f.labels != "" {
		if options.Labels, err = classify.LabelsFile(f.labels); err != nil {
			return nil, err
		}
	}
	weights, err := f.zoo.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	return beitzoo.Load(ctx, weights, options)
}
