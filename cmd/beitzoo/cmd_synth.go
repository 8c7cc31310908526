package main

import (
	"context"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
)

// synthResult is what `beitzoo synth --json` prints.
type synthResult struct {
	Architecture string         `json:"architecture"`
	Seed         uint64         `json:"seed"`
	Saved        *convert.Saved `json:"target"`
}

func synthCommand(c *console) *cli.Command {
	var f saveFlags
	var seed uint64
	return &cli.Command{
		Name:      "synth",
		Usage:     "write test weights that are computed from a seed",
		ArgsUsage: "ARCH -o DST",
		Description: about("ARCH is a name or a PASSL yaml config. docs/recipe.md says how the weights are computed, so that other programs can make the same bits.",
			"beitzoo synth beit_base_p16_224 --seed 1 -o test.safetensors",
		),
		Flags:  c.flags(f.flags(), []cli.Flag{&cli.Uint64Flag{Name: "seed", Destination: &seed, Usage: "draw the weights from the seed `N`"}}),
		Action: action(func(ctx context.Context, args []string) error { return writeSynthetic(ctx, c, args[0], seed, f) }),
	}
}

func writeSynthetic(ctx context.Context, c *console, architecture string, seed uint64, f saveFlags) error {
	if err := requireOutput(f.output); err != nil {
		return err
	}
	if err := f.checkName(); err != nil {
		return err
	}
	config, err := readArchitecture(architecture)
	if err != nil {
		return err
	}
	bar := c.newProgress("writing")
	options, err := f.options(bar)
	if err != nil {
		return err
	}
	saved, err := convert.Save(ctx, f.output, config, synth.Weights(config, seed), options)
	bar.finish()
	if err != nil {
		return err
	}
	return c.result(synthResult{config.Name, seed, saved}, func() {
		c.printf("wrote  %s: %s, scheme %s, %d tensors, %s", saved.Path, saved.Format, saved.Scheme, saved.Tensors, humanize.Bytes(uint64(saved.Bytes)))
	})
}
