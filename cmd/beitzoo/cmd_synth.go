package main

import (
	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
)

// synthesis is what `beitzoo synth --json` prints.
type synthesis struct {
	Architecture string         `json:"architecture"`
	Seed         uint64         `json:"seed"`
	Saved        *convert.Saved `json:"target"`
}

func synthCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:        "synth",
		Usage:       "write test weights that are a function of a seed",
		ArgsUsage:   "ARCH -o DST",
		Description: "ARCH is a name or a PASSL yaml config. The recipe is in docs/recipe.md: any program gets the same bits from it.",
		Flags:       flags(saveFlags(), []cli.Flag{&cli.Uint64Flag{Name: "seed", Usage: "the seed `N`"}}),
		Action:      func(ctx *cli.Context) error { return synthesise(c, ctx) },
	}
}

func synthesise(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "ARCH"); err != nil {
		return err
	}
	target, err := outputPath(ctx)
	if err != nil {
		return err
	}
	config, err := readArchitecture(ctx.Args().First())
	if err != nil {
		return err
	}
	bar := c.newProgress(ctx, "writing")
	saved, err := convert.Save(ctx.Context, target, config, synth.Weights(config, ctx.Uint64("seed")), saveOptions(ctx, bar))
	bar.finish()
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(synthesis{config.Name, ctx.Uint64("seed"), saved})
	}
	c.printf("wrote  %s: %s, scheme %s, %d tensors, %s", saved.Path, saved.Format, saved.Scheme, saved.Tensors, humanize.Bytes(uint64(saved.Bytes)))
	return nil
}
