package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// renewal is what `beitzoo manifest renew --json` prints.
type renewal struct {
	Place        string `json:"place"`
	IndexVersion int64  `json:"index_version"`
	Expires      string `json:"expires"`
	DryRun       bool   `json:"dry_run,omitempty"`
}

func renewCommand(c *console) *cli.Command {
	var signing signFlags
	var places zooFlags
	var again cli.StringSlice
	var all, dryRun bool
	return &cli.Command{
		Name:      "renew",
		Usage:     "sign the index of a place again, before or after it expires",
		ArgsUsage: "DEST --sign KEY",
		Description: about("Readers do not believe an index that has expired. A root key renews the list of keys as well. The entries stay as they are; their manifests can be\n"+
			"signed again, for example because another key that signed them was revoked: look at them before.",
			"beitzoo manifest renew zoo/ --sign key.sec --expires 2030-12-31",
			"beitzoo manifest renew zoo/ --sign new.sec --re-sign my_beit@1.0.0",
		),
		Flags: c.flags([]cli.Flag{
			&cli.StringSliceFlag{Name: "re-sign", Destination: &again, Usage: "sign the manifest of `NAME[@VERSION]` again; without a version, of all its versions"},
			boolFlag("re-sign-all", &all, "sign every manifest again that another key has signed"),
			boolFlag("dry-run", &dryRun, "check everything, say what would be signed, and write nothing"),
		}, signing.flags(), places.flags()),
		Action: action(func(ctx context.Context, args []string) error {
			return renewIndex(ctx, c, args[0], words(again), zoo.Renewal{ResignAll: all, Expires: signing.until(), DryRun: dryRun}, signing, places)
		}),
	}
}

func renewIndex(ctx context.Context, c *console, destination string, again []string, r zoo.Renewal, signing signFlags, places zooFlags) error {
	if err := required("sign", "KEY", signing.key); err != nil {
		return err
	}
	for _, name := range again {
		reference, err := manifest.ParseReference(name)
		if err != nil {
			return err
		}
		r.Resign = append(r.Resign, reference)
	}
	z, to, err := places.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	if r.Key, err = readSecretKey(c, signing.key); err != nil {
		return err
	}
	index, err := z.Renew(ctx, to, r)
	if err != nil {
		return err
	}
	return c.result(renewal{to.String(), index.Version, index.Expires, r.DryRun}, func() {
		if r.DryRun {
			c.printf("%s would get index version %d, believed until %s; nothing was written (--dry-run)", to, index.Version, index.Expires)
			return
		}
		c.printf("%s: index version %d, believed until %s", to, index.Version, index.Expires)
	})
}
