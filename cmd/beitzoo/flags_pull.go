package main

import "github.com/urfave/cli/v2"

func pullFlags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{Name: "manifest", Usage: "a manifest `FILE` instead of one that the zoo has"},
		&cli.PathFlag{Name: "bundle", Aliases: []string{"from"}, Usage: "a `FILE` that beitzoo bundle made"},
		&cli.StringFlag{Name: "source", Usage: "the only upstream `SOURCE` to use"},
		&cli.BoolFlag{Name: "repin", Usage: "accept an upstream file that is another than the one pinned earlier"},
		&cli.BoolFlag{Name: "keep-upstream", Usage: "leave the upstream checkpoint in the cache"},
	}
}
