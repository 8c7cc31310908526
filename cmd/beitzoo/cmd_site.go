package main

import (
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
)

func siteCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "site",
		Usage:     "render the zoo's manifests as static pages for people",
		ArgsUsage: "FOLDER",
		Flags:     flags(zooFlags()),
		Action:    func(ctx *cli.Context) error { return renderSite(c, ctx) },
	}
}

func renderSite(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "FOLDER"); err != nil {
		return err
	}
	z, all, err := listZoo(c, ctx)
	if err != nil {
		return err
	}
	var documents []*manifest.Document
	for _, listing := range all {
		found, err := z.Resolve(ctx.Context, listing.String())
		if err != nil {
			return err
		}
		documents = append(documents, found.Document)
	}
	folder := ctx.Args().First()
	if err := site.Write(ctx.Context, folder, documents); err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(map[string]any{"folder": folder, "entries": len(documents)})
	}
	c.printf("%s/index.html shows %d entries", folder, len(documents))
	return nil
}
