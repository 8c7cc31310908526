package main

import (
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// classifier is a classifier and the model that it runs, which Close ends.
type classifier struct {
	*classify.Classifier
	engine.Model
}

// openClassifier opens the model of the first argument and loads it into the engine of the flags. labels is the file that names the classes; empty
// takes the names that came with the model.
func openClassifier(c *console, ctx *cli.Context, labels string) (*classifier, error) {
	model, err := openModel(c, ctx, ctx.Args().First())
	if err != nil {
		return nil, err
	}
	defer model.Close()
	recipe, err := chooseRecipe(ctx, model)
	if err != nil {
		return nil, err
	}
	names := model.names()
	if labels != "" {
		if names, err = classify.LabelsFile(labels, model.Config.Classes); err != nil {
			return nil, err
		}
	}
	engine, options, err := chooseEngine(ctx)
	if err != nil {
		return nil, err
	}
	loaded, err := engine.Load(ctx.Context, model.Config, model.Tensors, options)
	if err != nil {
		return nil, err
	}
	classifies, err := classify.New(loaded, model.Config, recipe.Recipe, names)
	if err != nil {
		loaded.Close()
		return nil, err
	}
	return &classifier{classifies, loaded}, nil
}

// chooseRecipe collects what is known about how images are prepared: what the flag --recipe names, the manifest or the model's own
// preprocessor_config.json, and what is usual for the naming scheme.
func chooseRecipe(ctx *cli.Context, model *model) (classify.Choice, error) {
	known := classify.Known{Asked: ctx.String("recipe"), Usual: naming.RecipeName(model.Scheme)}
	if known.Asked == "" {
		if model.entry != nil && len(model.entry.Preprocessing) > 0 {
			known.Stated, known.StatedIn = &model.entry.Preprocessing[0].Recipe, classify.Manifest
		} else if own, err := model.Recipe(); err != nil {
			return classify.Choice{}, err
		} else if own != nil {
			known.Stated, known.StatedIn = own, classify.Processor
		}
	}
	return classify.ChooseRecipe(model.Config, known)
}
