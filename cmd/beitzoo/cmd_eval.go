package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
)

func evalCommand(c *console) *cli.Command {
	var f classifierFlags
	var d dataFlags
	var r evalRunFlags
	return &cli.Command{
		Name:      "eval",
		Usage:     "measure top-1 and top-5 accuracy over images whose classes are known",
		ArgsUsage: "MODEL DATA...",
		Description: about("DATA is a folder with a folder for each class, a folder of images with --truth FILE, a list of images and classes (CSV, JSON lines; - is\n"+
			"standard input), or tar files, such as those of WebDataset. Classes are matched with those of the model by name, WordNet id or number, whatever\n"+
			"their order; data that does not fit the model stops before the first image, and --dry-run shows what fits (docs/evaluation.md).\n"+
			"Images that cannot be read are listed at the end, with exit code 3, and the score is that of all others.",
			"beitzoo eval beit_base_p16_224 imagenet/val --recipe timm",
			"beitzoo eval beit_large_p16_512 ILSVRC2012_img_val --truth LOC_val_solution.csv",
			"beitzoo eval beit_base_p16_224 'imagenet-val-{000..063}.tar' --dry-run",
			"beitzoo eval beit_base_p16_224 imagenet-r --among data",
			"beitzoo eval beit_base_p16_224 imagenet/val --predictions val.jsonl",
			"beitzoo eval beit_base_p16_224 imagenet/val --predictions part2.jsonl --shard 2/8",
		),
		Subcommands: []*cli.Command{evalMergeCommand(c), evalReportCommand(c)},
		Flags:       c.flags(d.flags(), r.flags(), f.flags()),
		Action:      action(func(ctx context.Context, args []string) error { return eval(ctx, c, args[0], args[1:], d, f, r) }),
	}
}

func eval(ctx context.Context, c *console, argument string, sources []string, d dataFlags, f classifierFlags, r evalRunFlags) error {
	part, err := parseShard(r.shard)
	if err != nil {
		return err
	}
	found, err := d.open(ctx, sources)
	if err != nil {
		return err
	}
	f.digest = true
	model, err := openClassifier(ctx, c, argument, f)
	if err != nil {
		return err
	}
	defer model.Close()
	data, err := d.matchWith(ctx, found, model)
	if err != nil {
		return err
	}
	for _, note := range data.Notes() {
		c.remark(note)
	}
	if d.dryRun {
		if r.predictions != "" {
			c.remark(text.Quote(r.predictions) + " is neither written nor compared with the data: nothing is run (--dry-run)")
		}
		return planEval(c, argument, model, found, data, data.Shard(part.Index-1, part.Of))
	}
	run, err := newEvaluation(c, argument, model, data, f, r)
	if err != nil {
		return err
	}
	return run.run(ctx, data)
}
