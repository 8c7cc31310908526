package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
)

func mirrorCommand(c *console) *cli.Command {
	var f zooFlags
	return &cli.Command{
		Name:      "mirror",
		Usage:     "copy entries of the zoo, with their signatures, from one place to another",
		ArgsUsage: "FROM TO [NAME@VERSION...]",
		Description: about("Without names, all entries are copied. No key is needed: index and manifests stay as they were signed.",
			"beitzoo mirror https://example.org/zoo zoo/ --trust key.pub",
			"beitzoo mirror zoo/ oci://registry.example.org/beit tiny@1.0.0",
		),
		Flags:  c.flags(f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return mirror(ctx, c, args[0], args[1], args[2:], f) }),
	}
}

func mirror(ctx context.Context, c *console, source, destination string, names []string, f zooFlags) error {
	z, to, err := f.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	network, err := f.network(c)
	if err != nil {
		return err
	}
	from, closer, err := place.Open(ctx, source, network)
	if err != nil {
		return err
	}
	defer closer.Close()
	bar := &steps{c: c}
	options := zoo.MirrorOptions{Progress: bar.set, Notice: func(problem error) { c.remark(problem) }}
	for _, name := range names {
		reference, err := manifest.ParseReference(name)
		if err != nil {
			return err
		}
		options.Wanted = append(options.Wanted, reference)
	}
	mirrored, err := z.Mirror(ctx, from, to, options)
	bar.finish()
	if err != nil {
		return err
	}
	return c.result(mirrored, func() {
		c.printf("%s has %s now, index version %d", to, text.Count(len(mirrored.Entries), "entry", "entries"), mirrored.IndexVersion)
	})
}
