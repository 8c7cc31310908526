package main

import (
	"context"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
)

func bundleCommand(c *console) *cli.Command {
	var f zooFlags
	var output string
	return &cli.Command{
		Name:      "bundle",
		Usage:     "put entries of the zoo into one file, for machines without a network",
		ArgsUsage: "NAME[@VERSION]... -o FILE",
		Description: about("The file holds manifests, signatures and weights, and is checked when it is used. On the other machine, pull from it.",
			"beitzoo bundle beit_base_p16_224 -o beit.bundle",
			"beitzoo pull beit_base_p16_224 --bundle beit.bundle --offline",
		),
		Flags:  c.flags([]cli.Flag{outputFlag(&output, "the `FILE` to write")}, f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return bundle(ctx, c, args, output, f) }),
	}
}

func bundle(ctx context.Context, c *console, names []string, output string, f zooFlags) error {
	if err := requireOutput(output); err != nil {
		return err
	}
	z, err := f.open(ctx, c)
	if err != nil {
		return err
	}
	entries, err := resolveAll(ctx, z, names)
	if err != nil {
		return err
	}
	bar := &steps{c: c}
	bundled, err := z.Bundle(ctx, output, entries, pullOptions(c, bar))
	bar.finish()
	if err != nil {
		return err
	}
	return c.result(bundled, func() {
		c.printf("%s holds %s, %s", output, text.Count(len(bundled.Entries), "entry", "entries"), humanize.Bytes(uint64(bundled.Bytes)))
	})
}

func resolveAll(ctx context.Context, z *zoo.Zoo, names []string) ([]*zoo.Match, error) {
	var entries []*zoo.Match
	for _, name := range names {
		found, err := z.Resolve(ctx, name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, found)
	}
	return entries, nil
}
