package main

import (
	"cmp"
	"context"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
)

func predictCommand(c *console) *cli.Command {
	var f classifierFlags
	top := 5
	return &cli.Command{
		Name:      "predict",
		Usage:     "classify images, and print the most probable classes",
		ArgsUsage: "MODEL IMAGE...",
		Description: about("Images are JPEG, PNG, GIF, BMP, WebP, TIFF or PPM. They are resized, cropped and normalised as in the evaluation of the model by its authors, unless\n"+
			"--recipe says otherwise. The first line says which recipe, class names and epsilon are used, and where each comes from. Images that cannot be\n"+
			"read are listed at the end, with exit code 3; all others are classified.",
			"beitzoo predict digits_p16_64 seven.png",
			"beitzoo predict beit.pth cat.jpg dog.jpg --labels imagenet.txt --top 3",
		),
		Flags: c.flags([]cli.Flag{
			countFlag("top", &top, "", "print the `N` most probable classes"),
		}, f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return predict(ctx, c, args[0], args[1:], top, f) }),
	}
}

// predictResult is what `beitzoo predict --json` prints.
type predictResult struct {
	classifierFacts
	Predictions []classify.Prediction `json:"predictions"`
	Unread      []unreadImage         `json:"unread"`
}

func predict(ctx context.Context, c *console, argument string, images []string, top int, f classifierFlags) error {
	model, err := openClassifier(ctx, c, argument, f)
	if err != nil {
		return err
	}
	defer model.Close()
	predictions, err := model.Predict(ctx, images, top)
	list, unread, err := unreadOf(err)
	if err != nil {
		return err
	}
	facts := factsOf(argument, model)
	err = c.result(predictResult{facts, predictions, list}, func() {
		c.printf("%s: %s", argument, facts.line(model.Labels()))
		for _, p := range predictions {
			c.printf("%s", p.Image)
			for _, class := range p.Top {
				c.printf("  %6.2f %%  %s", 100*class.Probability, class)
			}
		}
	})
	return cmp.Or(err, unread)
}
