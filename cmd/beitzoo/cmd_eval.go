package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/evaluate"
)

func evalCommand(c *console) *cli.Command {
	var f classifierFlags
	return &cli.Command{
		Name:      "eval",
		Usage:     "measure top-1 and top-5 accuracy over a folder of class folders",
		ArgsUsage: "MODEL FOLDER",
		Description: about("FOLDER has one folder for each class; the classes are numbered in the order of the folders' names, as torchvision's ImageFolder does.",
			"beitzoo eval beit_base_p16_224 imagenet/val --recipe timm",
		),
		Flags:  c.flags(f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return eval(ctx, c, args[0], args[1], f) }),
	}
}

func eval(ctx context.Context, c *console, argument, folder string, f classifierFlags) error {
	data, err := evaluate.Folder(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return &missingError{imageFolder, err}
	}
	if err != nil {
		return err
	}
	model, err := openClassifier(ctx, c, argument, f)
	if err != nil {
		return err
	}
	defer model.Close()
	bar := c.newCount("classifying", inImages)
	progress := func(done, total int) { bar.set(int64(done), int64(total)) }
	result, err := evaluate.Classification(ctx, model.Classifier, data, evaluate.Options{Progress: progress})
	bar.finish()
	if err != nil {
		return err
	}
	return c.result(result, func() {
		c.printf("top-1 %.2f %% (%d of %d), top-5 %.2f %%", 100*result.Share1, result.Top1, result.Images, 100*result.Share5)
	})
}
