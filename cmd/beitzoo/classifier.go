package main

import (
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
)

// openClassifier opens the model of the first argument and loads it into the engine of the flags. labels is the file that names the classes; empty
// takes the names that came with the model.
func openClassifier(c *console, ctx *cli.Context, labels string) (*beitzoo.Model, error) {
	options := beitzoo.Options{Recipe: ctx.String("recipe")}
	var err error
	if options.Checkpoint, err = openOptions(ctx); err != nil {
		return nil, err
	}
	if options.Engine, options.Run, err = chooseEngine(ctx); err != nil {
		return nil, err
	}
	if labels != "" {
		if options.Labels, err = classify.LabelsFile(labels); err != nil {
			return nil, err
		}
	}
	at, err := locate(c, ctx, ctx.Args().First())
	if err != nil {
		return nil, err
	}
	return beitzoo.Load(ctx.Context, beitzoo.Weights{Path: at.path, Entry: at.entry}, options)
}
