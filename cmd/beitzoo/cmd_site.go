package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
)

func siteCommand(c *console) *cli.Command {
	var f zooFlags
	return &cli.Command{
		Name:      "site",
		Usage:     "write web pages that describe the weights of the zoo",
		ArgsUsage: "FOLDER",
		Description: about("FOLDER/index.html lists the entries; the pages need no server.",
			"beitzoo site public/ --zoo zoo/",
		),
		Flags:  c.flags(f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return renderSite(ctx, c, args[0], f) }),
	}
}

func renderSite(ctx context.Context, c *console, folder string, f zooFlags) error {
	z, all, err := listZoo(ctx, c, f)
	if err != nil {
		return err
	}
	var documents []*manifest.Document
	for _, listing := range all {
		found, err := z.Resolve(ctx, listing.String())
		if err != nil {
			return err
		}
		documents = append(documents, found.Document)
	}
	if err := site.Write(ctx, folder, documents); err != nil {
		return err
	}
	return c.result(map[string]any{"folder": folder, "entries": len(documents)}, func() {
		c.printf("%s/index.html shows %d entries", folder, len(documents))
	})
}
