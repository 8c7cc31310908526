package main

import (
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func mirrorCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:        "mirror",
		Usage:       "copy entries with their signatures from one place to another",
		ArgsUsage:   "FROM TO [NAME@VERSION...]",
		Description: "Without names, all entries are copied. No key is needed: index and manifests stay as they were signed.",
		Flags:       flags(zooFlags()),
		Action:      func(ctx *cli.Context) error { return mirror(c, ctx) },
	}
}

func mirror(c *console, ctx *cli.Context) error {
	if ctx.NArg() < 2 {
		return exactArgs(ctx, "FROM", "TO")
	}
	z, err := openZoo(c, ctx)
	if err != nil {
		return err
	}
	network, err := placeOptions(c, ctx)
	if err != nil {
		return err
	}
	from, closer, err := zoo.OpenPlace(ctx.Context, ctx.Args().Get(0), network)
	if err != nil {
		return err
	}
	defer closer.Close()
	to, err := zoo.OpenDestination(ctx.Context, ctx.Args().Get(1), network)
	if err != nil {
		return err
	}
	bar := &steps{c: c, ctx: ctx}
	options := zoo.MirrorOptions{Progress: bar.set, Notice: func(problem error) { c.notef("note: %s", problem) }}
	for _, name := range ctx.Args().Slice()[2:] {
		reference, err := manifest.ParseReference(name)
		if err != nil {
			return err
		}
		options.Wanted = append(options.Wanted, reference)
	}
	mirrored, err := z.Mirror(ctx.Context, from, to, options)
	bar.finish()
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(mirrored)
	}
	c.printf("%s has %d entries now, index version %d", to, len(mirrored.Entries), mirrored.IndexVersion)
	return nil
}
