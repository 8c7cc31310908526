package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

// renewal is what `beitzoo manifest renew --json` prints.
type renewal struct {
	Place        string `json:"place"`
	IndexVersion int64  `json:"index_version"`
	Expires      string `json:"expires"`
}

func renewCommand(c *console) *cli.Command {
	var signing signFlags
	var places zooFlags
	return &cli.Command{
		Name:      "renew",
		Usage:     "sign the index of a place again, before or after it expires",
		ArgsUsage: "DEST --sign KEY",
		Description: about("Readers do not believe an index that has expired. The entries stay as they are.",
			"beitzoo manifest renew zoo/ --sign key.sec --expires 2030-12-31",
		),
		Flags:  c.flags(signing.flags(), places.flags()),
		Action: action(func(ctx context.Context, args []string) error { return renewIndex(ctx, c, args[0], signing, places) }),
	}
}

func renewIndex(ctx context.Context, c *console, destination string, signing signFlags, places zooFlags) error {
	if err := required("sign", "KEY", signing.key); err != nil {
		return err
	}
	z, to, err := places.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	key, err := readSecretKey(c, signing.key)
	if err != nil {
		return err
	}
	index, err := z.Renew(ctx, to, key, signing.until())
	if err != nil {
		return err
	}
	return c.result(renewal{to.String(), index.Version, index.Expires}, func() {
		c.printf("%s: index version %d, believed until %s", to, index.Version, index.Expires)
	})
}
