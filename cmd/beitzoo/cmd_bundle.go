package main

import (
	"context"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
)

func bundleCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "bundle",
		Usage:     "put entries into one file, for machines without a network",
		ArgsUsage: "NAME[@VERSION]... -o FILE",
		Description: "There, pull from it:\n\n" +
			"   beitzoo pull NAME --from FILE",
		Flags:  flags(zooFlags(), []cli.Flag{&cli.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write"}}),
		Action: func(ctx *cli.Context) error { return bundle(c, ctx) },
	}
}

func bundle(c *console, ctx *cli.Context) error {
	target, err := outputPath(ctx)
	if err != nil {
		return err
	}
	if ctx.NArg() == 0 {
		return exactArgs(ctx, "NAME[@VERSION]")
	}
	z, err := openZoo(c, ctx)
	if err != nil {
		return err
	}
	entries, err := resolveAll(ctx.Context, z, ctx.Args().Slice())
	if err != nil {
		return err
	}
	bar := &steps{c: c, ctx: ctx}
	bundled, err := z.Bundle(ctx.Context, target, entries, pullOptions(c, ctx, bar))
	bar.finish()
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(bundled)
	}
	c.printf("%s holds %d entries, %s", target, len(bundled.Entries), humanize.Bytes(uint64(bundled.Bytes)))
	return nil
}

func resolveAll(ctx context.Context, z *zoo.Zoo, names []string) ([]*zoo.Found, error) {
	var entries []*zoo.Found
	for _, name := range names {
		found, err := z.Resolve(ctx, name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, found)
	}
	return entries, nil
}
