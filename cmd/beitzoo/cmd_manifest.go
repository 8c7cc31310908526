package main

import (
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func manifestCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "manifest",
		Usage: "validate, sign and check manifest files, and renew the index of a place",
		Subcommands: []*cli.Command{
			{
				Name: "validate", Usage: "check manifests against the schema and against what the program knows", ArgsUsage: "FILE...",
				Flags: flags(), Action: func(ctx *cli.Context) error { return validateManifests(c, ctx) },
			},
			{
				Name: "sign", Usage: "write FILE.minisig beside a manifest", ArgsUsage: "FILE",
				Flags:  flags([]cli.Flag{&cli.PathFlag{Name: "sign", Aliases: []string{"key"}, Required: true, Usage: "the minisign secret `KEY` file"}}),
				Action: func(ctx *cli.Context) error { return signManifest(c, ctx) },
			},
			{
				Name: "check", Usage: "check FILE.minisig", ArgsUsage: "FILE",
				Flags:  flags([]cli.Flag{&cli.StringSliceFlag{Name: "trust", Required: true, Usage: "a minisign public `KEY` or key file"}}),
				Action: func(ctx *cli.Context) error { return checkManifest(c, ctx) },
			},
			{
				Name: "renew", Usage: "sign the index of a place anew, before or after it expires", ArgsUsage: "DEST",
				Flags:  flags(zooFlags(), signFlags()),
				Action: func(ctx *cli.Context) error { return renewIndex(c, ctx) },
			},
		},
	}
}

// manifestReport is what the subcommands print with --json, for each file.
type manifestReport struct {
	File   string        `json:"file"`
	Name   string        `json:"name"`
	Digest digest.Digest `json:"sha256"`
	Key    string        `json:"key,omitempty"`
}

func validateManifests(c *console, ctx *cli.Context) error {
	if ctx.NArg() == 0 {
		return exactArgs(ctx, "FILE")
	}
	var reports []manifestReport
	for _, path := range ctx.Args().Slice() {
		found, err := readManifestFile(path)
		if err != nil {
			return err
		}
		reports = append(reports, manifestReport{File: path, Name: found.Reference().String(), Digest: found.Digest()})
	}
	return printManifestReports(c, ctx, reports)
}

func printManifestReports(c *console, ctx *cli.Context, reports []manifestReport) error {
	if ctx.Bool("json") {
		return c.json(reports)
	}
	for _, r := range reports {
		c.printf("%s: %s is valid, %s", r.File, r.Name, r.Digest)
		if r.Key != "" {
			c.printf("%s: signed by the key %s", r.File, r.Key)
		}
	}
	return nil
}

func signManifest(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "FILE"); err != nil {
		return err
	}
	path := ctx.Args().First()
	found, err := readManifestFile(path)
	if err != nil {
		return err
	}
	key, err := secretKey(c, ctx)
	if err != nil {
		return err
	}
	signature := manifest.Sign(key, found.Raw, "manifest of "+found.Reference().String())
	if err := output.Write(ctx.Context, path+manifest.SignatureSuffix, []output.Part{output.Literal(signature)}, output.Options{}); err != nil {
		return err
	}
	return printManifestReports(c, ctx, []manifestReport{{path, found.Reference().String(), found.Digest(), manifest.KeyID(key.ID())}})
}

func checkManifest(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "FILE"); err != nil {
		return err
	}
	path := ctx.Args().First()
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	signature, err := os.ReadFile(path + manifest.SignatureSuffix)
	if err != nil {
		return err
	}
	var keys manifest.Keyring
	for _, name := range ctx.StringSlice("trust") {
		key, err := manifest.ReadPublicKey(name)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	key, err := keys.Check(path, raw, signature)
	if err != nil {
		return err
	}
	document, err := zoo.ReadManifest(path, raw)
	if err != nil {
		return err
	}
	return printManifestReports(c, ctx, []manifestReport{{path, document.Reference().String(), document.Digest(), manifest.KeyID(key.ID())}})
}
