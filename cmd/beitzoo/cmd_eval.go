package main

import (
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/evaluate"
)

func evalCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "eval",
		Usage:     "top-1 and top-5 accuracy over a folder of class folders",
		ArgsUsage: "MODEL FOLDER",
		Description: "FOLDER has one folder for each class; the classes are numbered in the order of the folders' names,\n" +
			"as torchvision's ImageFolder does.",
		Flags:  flags(modelFlags(), engineFlags(), zooFlags(), recipeFlags()),
		Action: func(ctx *cli.Context) error { return eval(c, ctx) },
	}
}

func eval(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "MODEL", "FOLDER"); err != nil {
		return err
	}
	data, err := evaluate.Folder(ctx.Args().Get(1))
	if err != nil {
		return err
	}
	model, err := openClassifier(c, ctx, "")
	if err != nil {
		return err
	}
	defer model.Close()
	bar := c.newProgress(ctx, "classifying")
	progress := func(done, total int) { bar.set(int64(done), int64(total)) }
	result, err := evaluate.Classification(ctx.Context, model.Classifier, data, evaluate.Options{Progress: progress})
	bar.finish()
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(result)
	}
	c.printf("top-1 %.2f %% (%d of %d), top-5 %.2f %%", 100*result.Share1, result.Top1, result.Images, 100*result.Share5)
	return nil
}
