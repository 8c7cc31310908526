package main

import (
	"context"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func manifestCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "manifest",
		Usage: "validate, sign and check manifest files, and renew the index of a place",
		Description: about("For people who write manifests. `beitzoo publish` signs what it publishes by itself.",
			"beitzoo manifest validate beit.yaml",
			"beitzoo manifest sign beit.yaml --key key.sec",
		),
		Subcommands: []*cli.Command{validateCommand(c), signCommand(c), checkCommand(c), renewCommand(c)},
	}
}

func validateCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:        "validate",
		Usage:       "check manifests against the schema and against what the program knows of the model",
		ArgsUsage:   "FILE...",
		Description: about("", "beitzoo manifest validate manifests/beit_base_p16_224.yaml"),
		Flags:       c.flags(),
		Action:      action(func(_ context.Context, args []string) error { return validateManifests(c, args) }),
	}
}

func signCommand(c *console) *cli.Command {
	var key string
	return &cli.Command{
		Name:        "sign",
		Usage:       "write FILE.minisig beside a manifest",
		ArgsUsage:   "FILE --key KEY",
		Description: about("Keys are those of minisign.", "beitzoo manifest sign beit.yaml --key key.sec"),
		Flags: c.flags([]cli.Flag{&cli.PathFlag{
			Name: "key", Aliases: []string{"sign"}, Destination: &key,
			Usage: "the file with the minisign secret `KEY`; its password is asked for, or read from BEITZOO_PASSWORD",
		}}),
		Action: action(func(ctx context.Context, args []string) error { return signManifest(ctx, c, args[0], key) }),
	}
}

func checkCommand(c *console) *cli.Command {
	var keys cli.StringSlice
	return &cli.Command{
		Name:        "check",
		Usage:       "check the signature FILE.minisig of a manifest",
		ArgsUsage:   "FILE --trust KEY",
		Description: about("", "beitzoo manifest check beit.yaml --trust key.pub"),
		Flags:       c.flags([]cli.Flag{&cli.StringSliceFlag{Name: "trust", Destination: &keys, Usage: "a minisign public `KEY`, or a file with one, that may have signed"}}),
		Action:      action(func(_ context.Context, args []string) error { return checkManifest(c, args[0], words(keys)) }),
	}
}

// manifestsResult is what the subcommands print with --json.
type manifestsResult struct {
	Manifests []manifestReport `json:"manifests"`
}

// manifestReport is about one file.
type manifestReport struct {
	File   string        `json:"file"`
	Name   string        `json:"name"`
	Digest digest.Digest `json:"sha256"`
	Key    string        `json:"key,omitempty"`
}

func validateManifests(c *console, paths []string) error {
	var reports []manifestReport
	for _, path := range paths {
		found, err := readManifestFile(path)
		if err != nil {
			return err
		}
		reports = append(reports, manifestReport{File: path, Name: found.Reference().String(), Digest: found.Digest()})
	}
	return printManifestReports(c, reports)
}

func printManifestReports(c *console, reports []manifestReport) error {
	return c.result(manifestsResult{reports}, func() {
		for _, r := range reports {
			c.printf("%s: %s is valid, %s", r.File, r.Name, r.Digest)
			if r.Key != "" {
				c.printf("%s: signed by the key %s", r.File, r.Key)
			}
		}
	})
}

func signManifest(ctx context.Context, c *console, path, keyFile string) error {
	if err := required("key", "KEY", keyFile); err != nil {
		return err
	}
	found, err := readManifestFile(path)
	if err != nil {
		return err
	}
	key, err := readSecretKey(c, keyFile)
	if err != nil {
		return err
	}
	signature := trust.Sign(key, found.Raw, "manifest of "+found.Reference().String())
	if err := output.Write(ctx, path+manifest.SignatureSuffix, []output.Part{output.Literal(signature)}, output.Options{}); err != nil {
		return err
	}
	return printManifestReports(c, []manifestReport{{path, found.Reference().String(), found.Digest(), trust.KeyID(key.ID())}})
}

func checkManifest(c *console, path string, trusted []string) error {
	if err := required("trust", "KEY", strings.Join(trusted, "")); err != nil {
		return err
	}
	raw, err := disk.ReadFile(path, manifest.MaxSize)
	if err != nil {
		return err
	}
	signature, err := disk.ReadFile(path+manifest.SignatureSuffix, manifest.MaxSignature)
	if err != nil {
		return err
	}
	var keys trust.Keyring
	for _, name := range trusted {
		key, err := trust.ReadPublicKey(name)
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
	return printManifestReports(c, []manifestReport{{path, document.Reference().String(), document.Digest(), trust.KeyID(key.ID())}})
}
