package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// evalFlags are those of eval: some are for models that classify, some for those that say of each pixel what it shows.
type evalFlags struct {
	classifier classifierFlags
	data       dataFlags
	pixels     pixelFlags
	run        evalRunFlags
}

func evalCommand(c *console) *cli.Command {
	var f evalFlags
	return &cli.Command{
		Name:      "eval",
		Usage:     "measure top-1 and top-5 accuracy over images whose classes are known, or mIoU over pictures with labels",
		ArgsUsage: "MODEL DATA...",
		Description: about("DATA is a folder with a folder for each class, a folder of images with --truth FILE, a list of images and classes (CSV, JSON lines; - is\n"+
			"standard input), or tar files, such as those of WebDataset. Classes are matched with those of the model by name, WordNet id or number, whatever\n"+
			"their order; data that does not fit the model stops before the first image, and --dry-run shows what fits (docs/evaluation.md).\n"+
			"Of a MODEL with UPerNet, DATA is a folder like ADE20K's or Cityscapes', or one of pictures with --labels-dir, and the figures are those of\n"+
			"mmsegmentation; its recipes are those of `beitzoo segment`.\n"+
			"Images that cannot be read are listed at the end, with exit code 3, and the score is that of all others.",
			"beitzoo eval beit_base_p16_224 imagenet/val --recipe timm",
			"beitzoo eval beit_large_p16_512 ILSVRC2012_img_val --truth LOC_val_solution.csv",
			"beitzoo eval beit_base_p16_224 'imagenet-val-{000..063}.tar' --dry-run",
			"beitzoo eval beit_base_p16_224 imagenet-r --among data",
			"beitzoo eval beit_base_p16_224 imagenet/val --predictions val.jsonl",
			"beitzoo eval beit_base_p16_224 imagenet/val --predictions part2.jsonl --shard 2/8",
			"beitzoo eval upernet_beit_base.pth ADEChallengeData2016 --predictions ade.jsonl",
			"beitzoo eval upernet_beit_base.pth photos --labels-dir labels --reduce-zero-label on",
		),
		Subcommands: []*cli.Command{evalMergeCommand(c), evalReportCommand(c)},
		Flags:       c.flags(f.data.flags(), f.run.flags(), f.classifier.flags(), f.pixels.flags()),
		Action:      action(func(ctx context.Context, args []string) error { return eval(ctx, c, args[0], args[1:], f) }),
	}
}

func eval(ctx context.Context, c *console, argument string, sources []string, f evalFlags) error {
	part, err := parseShard(f.run.shard)
	if err != nil {
		return err
	}
	weights, segments, err := f.find(ctx, c, argument)
	if err != nil {
		return err
	}
	if segments {
		return evalPixels(ctx, c, argument, sources, weights, part, &f)
	}
	if name := f.pixels.given(); name != "" {
		return &usageError{name + " is for models with UPerNet, and " + text.Name(argument) + " has none", "leave it out (docs/evaluation.md)"}
	}
	found, err := f.data.open(ctx, sources)
	if err != nil {
		return err
	}
	f.classifier.digest, f.classifier.engine.batch = true, f.run.size(f.classifier.engine.device)
	options, err := f.classifier.options()
	if err != nil {
		return err
	}
	model, err := f.classifier.loadClassifier(ctx, c, weights, options)
	if err != nil {
		return err
	}
	defer model.Close()
	return f.classes(ctx, c, argument, model, found, part)
}

// find returns the weights that an argument names, and whether they are those of a model for segmentation.
func (f *evalFlags) find(ctx context.Context, c *console, argument string) (weights beitzoo.Weights, segments bool, err error) {
	how := f.classifier
	if isSegmentRecipe(how.model.recipe) {
		how.model.recipe = "" // if the model is another one, that is an error later
	}
	weights, options, err := how.locate(ctx, c, argument)
	if err != nil {
		return weights, false, err
	}
	opened, err := weights.Open(ctx, options.Checkpoint)
	if err != nil {
		return weights, false, err
	}
	return weights, opened.Config.Segments(), opened.Close()
}

// classes evaluates a model that classifies.
func (f *evalFlags) classes(ctx context.Context, c *console, argument string, model *beitzoo.Model, found *dataset.Collection, part evaluate.Shard) error {
	data, err := f.data.matchWith(ctx, found, model)
	if err != nil {
		return err
	}
	remarkAll(c, data.Notes())
	if f.data.dryRun {
		if f.run.predictions != "" {
			c.remark(text.Quote(f.run.predictions) + " is neither written nor compared with the data: nothing is run (--dry-run)")
		}
		return planEval(c, argument, model, found, data, data.Shard(part.Index-1, part.Of))
	}
	run, err := newEvaluation(c, argument, model, data, f.classifier, f.run)
	if err != nil {
		return err
	}
	return run.run(ctx, data)
}
