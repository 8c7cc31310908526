package main

import "github.com/urfave/cli/v2"

// renewed is what `beitzoo manifest renew --json` prints.
type renewed struct {
	Place        string `json:"place"`
	IndexVersion int64  `json:"index_version"`
	Expires      string `json:"expires"`
}

func renewIndex(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "DEST"); err != nil {
		return err
	}
	z, to, err := openZooAndDestination(c, ctx, ctx.Args().First())
	if err != nil {
		return err
	}
	key, err := secretKey(c, ctx)
	if err != nil {
		return err
	}
	index, err := z.Renew(ctx.Context, to, key, expires(ctx))
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(renewed{to.String(), index.Version, index.Expires})
	}
	c.printf("%s: index version %d, believed until %s", to, index.Version, index.Expires)
	return nil
}
