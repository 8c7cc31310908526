package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/features"
	"github.com/beitzoo/beitzoo/internal/text"
)

// predictFlags say which pictures predict takes, what is wanted of them, and in which form.
type predictFlags struct {
	classifierFlags
	streamFlags
	pictures  pictureFlags
	top       int
	form      formFlags
	features  featureFlags
	attention attentionFlags
	// isSet reports whether a flag was given.
	isSet func(name string) bool
}

func predictCommand(c *console) *cli.Command {
	f := predictFlags{top: 5}
	f.features.name = features.Pool
	return &cli.Command{
		Name:      "predict",
		Usage:     "classify pictures, or get their features, or see what the model attends to",
		ArgsUsage: "MODEL [IMAGE...]",
		Description: about("An IMAGE is a file (JPEG, PNG, GIF, BMP, WebP, TIFF or PPM), a folder, which is searched to the bottom, a pattern in quotes, or - for a\n"+
			"list of paths on standard input. Pictures are resized, cropped and normalised as in the evaluation of the model by its authors, unless\n"+
			"--recipe says otherwise. The first line says which recipe, class names and epsilon are used, and where each comes from. Pictures that\n"+
			"cannot be read are listed at the end, with exit code 3; all others are done.",
			"beitzoo predict digits_p16_64 seven.png",
			"beitzoo predict beit.pth photos/ --labels imagenet-1k --top 3",
			"beitzoo predict beit.pth --list paths.txt --jsonl",
			"beitzoo predict beit.pth photos/ -o answers.jsonl --shard 2/8",
			"beitzoo predict beit.pth photos/ --features photos.safetensors",
			"beitzoo predict beit.pth cat.jpg --attention cat.attention.png",
		),
		Flags: c.flags(
			[]cli.Flag{countFlag("top", &f.top, "", "print the `N` most probable classes")},
			f.form.flags(), f.pictures.flags(), f.features.flags(), f.attention.flags(), f.streamFlags.flags(), f.classifierFlags.flags(),
		),
		Action: func(ctx *cli.Context) error {
			f.isSet = ctx.IsSet
			return action(func(ctx context.Context, args []string) error { return predict(ctx, c, args[0], args[1:], f) })(ctx)
		},
	}
}

// useless are flags that say something about one kind of result, with the flag that asks for it.
var useless = map[string]string{"feature": "features", "attention-kind": "attention", "attention-of": "attention", "attention-heads": "attention"}

// check refuses flags that exclude each other, and those without effect.
func (f *predictFlags) check() error {
	wanted := map[string]bool{"--jsonl": f.form.jsonl, "--csv": f.form.csv, "-o": f.form.output != "", "--features": f.features.file != "", "--attention": f.attention.path != ""}
	var given []string
	for _, name := range []string{"--jsonl", "--csv", "-o", "--features", "--attention"} {
		if wanted[name] {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		return &usageError{fmt.Sprintf("%s and %s exclude each other", given[0], given[1]), "leave one of them out; each run has one kind of result"}
	}
	for _, name := range slices.Sorted(maps.Keys(useless)) {
		if f.isSet(name) && !wanted["--"+useless[name]] {
			return &usageError{fmt.Sprintf("--%s has no effect without --%s", name, useless[name]), fmt.Sprintf("leave it out, or add --%s", useless[name])}
		}
	}
	for _, name := range []string{"--features", "--attention"} {
		for _, idle := range []string{"top", "labels", "problem-type"} {
			if f.isSet(idle) && wanted[name] {
				return &usageError{fmt.Sprintf("--%s has no effect with %s", idle, name), "leave it out"}
			}
		}
	}
	return nil
}

func predict(ctx context.Context, c *console, argument string, names []string, f predictFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	list, err := f.pictures.find(ctx, c, names)
	if err != nil {
		return err
	}
	switch {
	case c.asJSON && (f.form.jsonl || f.form.csv):
		return &usageError{"--json and --" + map[bool]string{true: "jsonl", false: "csv"}[f.form.jsonl] + " exclude each other", "leave one of them out"}
	case f.features.file != "":
		return f.writeFeatures(ctx, c, argument, list)
	case f.attention.path != "":
		return f.drawAttention(ctx, c, argument, list)
	}
	return f.classify(ctx, c, argument, list)
}

// classify prints the classes of pictures as they come.
func (f *predictFlags) classify(ctx context.Context, c *console, argument string, list *pictureList) error {
	if f.form.output != "" {
		if err := f.inputs(argument, list).checkApart(f.form.output); err != nil {
			return err
		}
		f.digest = true
	}
	f.engine.batch = f.size(f.engine.device)
	model, err := openClassifier(ctx, c, argument, f.classifierFlags)
	if err != nil {
		return err
	}
	defer model.Close()
	out, err := f.open(c, factsOf(argument, model), model.Labels(), list)
	if err != nil {
		return err
	}
	defer func() { _ = out.close() }() // finish has synced it
	bar := c.newCount("classifying", inImages)
	if out.onTerminal() {
		bar = &progress{} // what is printed is the progress
	}
	unread := &classify.UnreadError{}
	var lying unturned
	for output, err := range model.Stream(ctx, list.images(out.done), classify.StreamOptions{Workers: f.workers}) {
		if err == nil {
			place := list.place(output.Index)
			unread.Total++
			lying.count(output)
			if output.Failure != nil {
				unread.Failures = append(unread.Failures, output.Failure)
				err = out.failure(place, output.Failure)
			} else {
				err = out.prediction(place, classify.Prediction{Image: text.Valid(output.Name), Top: model.Top(output.Logits, f.top), Unturned: output.Unturned})
			}
		}
		if err != nil {
			bar.finish()
			return err
		}
		bar.set(int64(unread.Total), int64(list.total))
	}
	bar.finish()
	lying.remark(c)
	return cmp.Or(out.finish(), orNone(unread))
}

// orNone returns the error about pictures that could not be read, or nil if there are none.
func orNone(unread *classify.UnreadError) error {
	if len(unread.Failures) == 0 {
		return nil
	}
	return unread
}
