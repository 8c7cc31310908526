package main

import (
	"cmp"
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
		Description: about("FOLDER has one folder for each class; the classes are numbered in the order of the folders' names, as torchvision's ImageFolder does.\n"+
			"Images that cannot be read are listed at the end, with exit code 3, and the score is that of all others.",
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
	score, err := evaluate.Classification(ctx, model.Classifier, data, evaluate.Options{Progress: progress})
	bar.finish()
	list, unread, err := unreadOf(err)
	if err != nil {
		return err
	}
	facts := factsOf(argument, model)
	err = c.result(evalResult{facts, score, len(data.Images), list}, func() {
		c.printf("%s: %s", argument, facts.line(model.Labels()))
		read := ""
		if len(list) > 0 {
			read = " read"
		}
		c.printf("top-1 %.2f %% (%d of %d%s), top-5 %.2f %%", 100*score.Share1, score.Top1, score.Images, read, 100*score.Share5)
	})
	return cmp.Or(err, unread)
}

// evalResult is what `beitzoo eval --json` prints. Unread are the images of all that could not be read, so the score is about the others.
type evalResult struct {
	classifierFacts
	evaluate.Accuracy
	All    int           `json:"all_images"`
	Unread []unreadImage `json:"unread"`
}
