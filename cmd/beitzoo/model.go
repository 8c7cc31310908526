package main

import (
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// recipes are the evaluation recipes of the sources that a scheme's files come from.
var recipes = map[string]string{
	naming.PASSL: "passl", naming.PaddleViT: "paddlevit", naming.Unilm: "unilm", naming.Timm: "timm", naming.Canonical: "timm", naming.HF: "hf",
}

// chooseRecipe takes what the user says, else what the zoo's manifest or the model's own preprocessor_config.json says, else what is usual where
// its files come from.
func chooseRecipe(ctx *cli.Context, model *model) (card.Recipe, error) {
	if model.Config.ImageHeight != model.Config.ImageWidth {
		return card.Recipe{}, &usageError{"the model wants images that are not square, for which there is no recipe", ""}
	}
	if source := ctx.String("recipe"); source != "" {
		return card.RecipeFor(source, model.Config.ImageHeight)
	}
	if model.entry != nil && len(model.entry.Preprocessing) > 0 {
		return model.entry.Preprocessing[0].Recipe, nil
	}
	if own, err := model.Recipe(); err != nil {
		return card.Recipe{}, err
	} else if own != nil {
		return *own, nil
	}
	if model.Config.Name == "digits_p16_64" {
		return card.RecipeFor("passl-digits", model.Config.ImageHeight)
	}
	return card.RecipeFor(recipes[model.Scheme], model.Config.ImageHeight)
}

// openClassifier opens the model of the first argument and loads it into the engine of the flags.
func openClassifier(c *console, ctx *cli.Context) (classifier, error) {
	model, err := openModel(c, ctx, ctx.Args().First())
	if err != nil {
		return classifier{}, err
	}
	defer model.Close()
	if model.Config.MaskToken || model.Config.Classes == 0 {
		return classifier{}, &usageError{"the model has no classifier", "masked-image-modelling and headless models can't classify; take a fine-tuned one"}
	}
	recipe, err := chooseRecipe(ctx, model)
	if err != nil {
		return classifier{}, err
	}
	engine, options, err := chooseEngine(ctx)
	if err != nil {
		return classifier{}, err
	}
	loaded, err := engine.Load(ctx.Context, model.Config, model.Tensors, options)
	return classifier{model: loaded, recipe: recipe, labels: model.names()}, err
}
