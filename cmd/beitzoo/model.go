package main

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// openOptions reads the model flags of a command.
func openOptions(ctx *cli.Context) (convert.OpenOptions, error) {
	options := convert.OpenOptions{From: ctx.String("from"), Select: ctx.String("select"), Epsilon: ctx.Float64("epsilon")}
	if options.Epsilon < 0 {
		return options, &usageError{"--epsilon must be positive", "the usual values are 1e-6 and 1e-12"}
	}
	if options.From != "" {
		if err := naming.ByName(options.From); err != nil {
			return options, err
		}
	}
	if name := ctx.String("arch"); name != "" {
		config, err := readArchitecture(name)
		if err != nil {
			return options, err
		}
		options.Arch = &config
	}
	return options, nil
}

// readArchitecture takes a name, or the path of a PASSL yaml config.
func readArchitecture(name string) (arch.Config, error) {
	if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		return arch.ByName(name)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return arch.Config{}, err
	}
	return arch.ParsePASSL(raw)
}

// model is an opened model, and what the zoo knows of it.
type model struct {
	*convert.Model
	located
}

// openModel opens the model that an argument names.
func openModel(c *console, ctx *cli.Context, argument string) (*model, error) {
	options, err := openOptions(ctx)
	if err != nil {
		return nil, err
	}
	at, err := locate(c, ctx, argument)
	if err != nil {
		return nil, err
	}
	if options.Arch == nil {
		if options.Arch, err = at.architecture(); err != nil {
			return nil, err
		}
	}
	opened, err := convert.Open(ctx.Context, at.path, options)
	if err != nil {
		return nil, err
	}
	return &model{opened, at}, nil
}

// names of the classes, where the zoo or the checkpoint's config.json has them.
func (m *model) names() []string {
	if m.entry != nil && m.entry.Categories.Labels != nil {
		return m.entry.Categories.Labels
	}
	return m.Labels
}

// recipeFlags say how images become inputs.
func recipeFlags() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "recipe", Usage: "prepare images as `SOURCE` does: " + strings.Join(preprocess.Sources(), ", ")}}
}

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
