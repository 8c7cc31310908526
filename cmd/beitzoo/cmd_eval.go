package main

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

func evalCommand(c *console) *cli.Command {
	var f classifierFlags
	var r evalRunFlags
	return &cli.Command{
		Name:      "eval",
		Usage:     "measure top-1 and top-5 accuracy over a folder of class folders",
		ArgsUsage: "MODEL FOLDER",
		Description: about("FOLDER has one folder for each class; the classes are numbered in the order of the folders' names, as torchvision's ImageFolder does.\n"+
			"Images that cannot be read are listed at the end, with exit code 3, and the score is that of all others.",
			"beitzoo eval beit_base_p16_224 imagenet/val --recipe timm",
			"beitzoo eval beit_base_p16_224 imagenet/val --predictions val.jsonl",
			"beitzoo eval beit_base_p16_224 imagenet/val --predictions part2.jsonl --shard 2/8",
		),
		Subcommands: []*cli.Command{evalMergeCommand(c)},
		Flags:       c.flags(r.flags(), f.flags()),
		Action:      action(func(ctx context.Context, args []string) error { return eval(ctx, c, args[0], args[1], f, r) }),
	}
}

func eval(ctx context.Context, c *console, argument, folder string, f classifierFlags, r evalRunFlags) error {
	if _, err := parseShard(r.shard); err != nil {
		return err
	}
	data, err := classFolders(folder)
	if err != nil {
		return err
	}
	f.digest = true
	model, err := openClassifier(ctx, c, argument, f)
	if err != nil {
		return err
	}
	defer model.Close()
	if classes := model.Config().Classes; len(data.Classes().Names) > classes {
		return &evaluate.ClassesError{Folders: len(data.Classes().Names), Classes: classes}
	}
	run, err := newEvaluation(c, argument, model, data, f, r)
	if err != nil {
		return err
	}
	return run.run(ctx, data)
}

// classFolders lists a folder of class folders.
func classFolders(folder string) (dataset.Set, error) {
	found, err := evaluate.Folder(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &missingError{imageFolder, err}
	}
	if err != nil {
		return nil, err
	}
	mapping := dataset.Mapping{Way: dataset.ByOrder, Names: found.Classes}
	for class := range found.Classes {
		mapping.Logits = append(mapping.Logits, class)
	}
	var examples []dataset.Example
	for _, img := range found.Images {
		open := func() (io.ReadCloser, error) { return found.FS.Open(img.Name) }
		examples = append(examples, dataset.Example{Image: classify.Image{Name: img.Name, Open: open}, Class: img.Class})
	}
	return dataset.NewList(folder, examples, mapping), nil
}
