package main

import (
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// recipes are the evaluation recipes of the sources that a scheme's files come from.
var recipes = map[string]string{
	naming.PASSL: "passl", naming.PaddleViT: "paddlevit", naming.Unilm: "unilm", naming.Timm: "timm", naming.Canonical: "timm", naming.HF: "hf",
}

// chooseRecipe takes what the user says, else what the zoo's manifest or the model's own preprocessor_config.json says, else what is usual where
// its files come from.
func chooseRecipe(ctx *cli.Context, model *model) (preprocess.Recipe, error) {
	if model.Config.ImageHeight != model.Config.ImageWidth {
		return preprocess.Recipe{}, &usageError{"the model wants images that are not square, for which there is no recipe", ""}
	}
	source := ctx.String("recipe")
	switch {
	case source != "":
	case model.entry != nil && len(model.entry.Preprocessing) > 0:
		return recipeOf(model.entry.Preprocessing[0].Recipe), nil
	case model.Processor != nil:
		return preprocess.ParseProcessorConfig(model.Processor)
	case model.Config.Name == "digits_p16_64":
		source = "passl-digits"
	default:
		source = recipes[model.Scheme]
	}
	return preprocess.RecipeFor(source, model.Config.ImageHeight)
}

// recipeOf translates the recipe of a manifest.
func recipeOf(r manifest.Recipe) preprocess.Recipe {
	return preprocess.Recipe{
		Resize: preprocess.Resize(r.Resize), ResizeTo: r.ResizeTo, Interpolation: preprocess.Interpolation(r.Interpolation), Crop: r.Crop, Mean: r.Mean, Std: r.Std,
	}
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
