package main

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// zooFlags say where weights come from and whom to trust.
func zooFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "zoo", EnvVars: []string{"BEITZOO_ZOO"}, Usage: "a `PLACE` that publishes weights: a folder, the address of one, oci://host/repository, or a bundle"},
		&cli.StringSliceFlag{Name: "trust", EnvVars: []string{"BEITZOO_TRUST"}, Usage: "a minisign `KEY` or key file that may sign for the places"},
		&cli.BoolFlag{Name: "offline", Usage: "use the cache, the program and local places alone"},
		&cli.StringFlag{Name: "rate-limit", Usage: "fetch at most this many `BYTES` a second, such as 5MB"},
		&cli.StringFlag{Name: "token-for", Usage: "the `HOST` that the token in BEITZOO_TOKEN is for; no other gets it"},
	}
}

// wordsOf are the values of a flag that may be repeated. An empty variable of the environment is none.
func wordsOf(ctx *cli.Context, name string) []string {
	return slices.DeleteFunc(ctx.StringSlice(name), func(word string) bool { return word == "" })
}
