package main

import (
	"cmp"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/finetune"
)

const trainSection = "Training"

// trainFlags are the recipe of a training, and how it runs.
type trainFlags struct {
	settings finetune.Settings
	schedule string
	// warmup says that the length of the warm-up was stated.
	warmup bool
	// augment and mix are the usual ones of unilm, or nothing.
	augment, mix, recompute bool
	size, state, choose     string
	// minutes are those after which the state is kept again.
	minutes int
}

func newTrainFlags() trainFlags {
	return trainFlags{settings: finetune.Defaults(), schedule: string(finetune.Overlapping), minutes: 10}
}

func (f *trainFlags) flags() []cli.Flag {
	s := &f.settings
	number := func(name string, destination *float64, usage string) cli.Flag {
		flag := &cli.Float64Flag{Name: name, Value: *destination, Destination: destination, Usage: usage}
		if *destination == 0 {
			flag.DefaultText = "none"
		}
		return flag
	}
	flags := []cli.Flag{
		countFlag("epochs", &s.Epochs, "", "train `N` times on each picture"),
		countFlag("part", &s.Part, "those of --batch", "compute the gradients of `N` pictures at once, and add them up to those of a batch: less memory"),
		number("learning-rate", &s.Rate, "the highest learning `RATE`, that of the head"),
		&cli.StringFlag{
			Name: "schedule", Value: f.schedule, Destination: &f.schedule,
			Usage: "how the learning rate changes, a `NAME`: overlapping (a cosine over all steps, times the warm-up) or unilm (the warm-up, then a cosine to --least-rate)",
		},
		&cli.Float64Flag{
			Name: "warmup", Destination: &s.WarmupEpochs, DefaultText: fmt.Sprintf("%g, and no more than half of --epochs", finetune.Defaults().WarmupEpochs),
			Usage: "raise the learning rate in the first `EPOCHS`", Action: func(*cli.Context, float64) error { f.warmup = true; return nil },
		},
		number("warmup-rate", &s.WarmupRate, "with --schedule unilm, the `RATE` of the first step"),
		number("least-rate", &s.LeastRate, "with --schedule unilm, the `RATE` of the end"),
		number("layer-decay", &s.LayerDecay, "multiply the learning rate by this `FACTOR` for each layer before the head"),
		number("weight-decay", &s.WeightDecay, "the weight decay of AdamW, a `FACTOR`"),
		number("label-smoothing", &s.Smoothing, "the `SHARE` of the right class that is spread over all classes"),
		number("drop-path", &s.DropPath, "leave out a branch of the last block with this `PROBABILITY`, less often in those before"),
		number("clip", &s.Clip, "scale gradients down to this `NORM`"),
		number("average", &s.Average, "keep, test and write moving averages of the parameters, of which this `SHARE` stays in a step, such as 0.999"),
		&cli.IntFlag{
			Name: "blocks", Value: finetune.All, Destination: &s.Blocks, DefaultText: "all, and what is before them",
			Usage: "train only the last `N` blocks, the norm after them, and the head; 0 means the head and its norm alone",
		},
		boolFlag("augment", &f.augment, "change pictures as unilm does: a random crop, mirroring, RandAugment (rand-m9-mstd0.5-inc1), and erasing"),
		boolFlag("mix", &f.mix, "mix the pictures of a batch as unilm does for a model that comes from pre-training alone: Mixup 0.8, CutMix 1"),
		boolFlag("recompute", &f.recompute, "compute each block a second time for its gradients, and keep less: less memory, more time, the same result"),
		&cli.StringFlag{
			Name: "image-size", Destination: &f.size, DefaultText: "that of the model",
			Usage: "resize the model to images of this `SIZE` in pixels: 384, or height and width, 384x512",
		},
		&cli.PathFlag{
			Name: "state", Destination: &f.state, DefaultText: "the output with .training behind it",
			Usage: "the `FOLDER` where the state of the training is kept, from which the same command goes on, and the best parameters",
		},
		countFlag("keep-every", &f.minutes, "", "keep the state every `N` minutes, beside the ends of epochs"),
		&cli.StringFlag{
			Name: "choose", Destination: &f.choose, DefaultText: "best with --test or --held-out, else last",
			Usage: "`WHICH` parameters to write: the best, those with the highest accuracy on the pictures that are tested, or the last",
		},
	}
	for _, flag := range flags {
		setCategory(flag, trainSection)
	}
	return flags
}

// resolve returns the settings that the flags say, checked.
func (f *trainFlags) resolve(seed uint64, batch int) (finetune.Settings, error) {
	s := f.settings
	s.Schedule, s.Seed, s.Batch = finetune.Schedule(f.schedule), seed, cmp.Or(batch, s.Batch)
	if !f.warmup {
		s.WarmupEpochs = finetune.DefaultWarmup(s.Epochs)
	}
	if s.Schedule != finetune.Unilm && (s.WarmupRate != 0 || s.LeastRate != 0) {
		return s, &usageError{"--warmup-rate and --least-rate are about --schedule unilm", "add it, or leave them out"}
	}
	return s, s.Validate()
}
