package main

import "github.com/urfave/cli/v2"

func predictCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "predict",
		Usage:     "classify images",
		ArgsUsage: "MODEL IMAGE...",
		Flags: flags(modelFlags(), engineFlags(), zooFlags(), recipeFlags(), []cli.Flag{
			&cli.PathFlag{Name: "labels", Usage: "a `FILE` with the name of class 0 in the first line, and so on"},
			&cli.IntFlag{Name: "top", Value: 5, Usage: "how many classes to print"},
		}),
		Action: func(ctx *cli.Context) error { return predict(c, ctx) },
	}
}

func predict(c *console, ctx *cli.Context) error {
	if ctx.NArg() < 2 {
		return &usageError{"a model and at least one image are needed", "usage: beitzoo predict MODEL IMAGE..."}
	}
	model, err := openClassifier(c, ctx, ctx.Path("labels"))
	if err != nil {
		return err
	}
	defer model.Close()
	predictions, err := model.Predict(ctx.Context, ctx.Args().Tail(), ctx.Int("top"))
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(predictions)
	}
	for _, p := range predictions {
		c.printf("%s", p.Image)
		for _, class := range p.Top {
			c.printf("  %6.2f %%  %s", 100*class.Probability, class)
		}
	}
	return nil
}
