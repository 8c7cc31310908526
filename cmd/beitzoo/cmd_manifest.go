package main

import (
	"context"
	"errors"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func manifestCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "manifest",
		Usage: "write, validate, sign and check manifest files, and renew the index of a place",
		Description: about("For people who write manifests. `beitzoo publish` signs what it publishes by itself.",
			"beitzoo manifest init model.pth -o about.yaml",
			"beitzoo manifest validate beit.yaml",
			"beitzoo manifest sign beit.yaml --key key.sec",
		),
		Subcommands: []*cli.Command{validateCommand(c), initCommand(c), signCommand(c), checkCommand(c), renewCommand(c)},
	}
}

func validateCommand(c *console) *cli.Command {
	var partial bool
	return &cli.Command{
		Name:      "validate",
		Usage:     "check manifests against the schema and against what the program knows of the model",
		ArgsUsage: "FILE...",
		Description: about("",
			"beitzoo manifest validate manifests/beit_base_p16_224.yaml",
			"beitzoo manifest validate --partial about.yaml",
		),
		Flags:  c.flags([]cli.Flag{boolFlag("partial", &partial, "the files are parts of manifests, as `beitzoo publish --describe` takes them")}),
		Action: action(func(_ context.Context, args []string) error { return validateManifests(c, args, partial) }),
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
	Name   string        `json:"name,omitempty"`
	Digest digest.Digest `json:"sha256"`
	Key    string        `json:"key,omitempty"`
	// Partial says that the file is a part of a manifest, and Unstated which fields nobody stated in it.
	Partial  bool     `json:"partial,omitempty"`
	Unstated []string `json:"unstated,omitempty"`
}

func validateManifests(c *console, paths []string, partial bool) error {
	var reports []manifestReport
	for _, path := range paths {
		validate := validateManifest
		if partial {
			validate = validateDraft
		}
		report, err := validate(path)
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	return printManifestReports(c, reports)
}

// validateManifest checks a whole manifest. An error of one that is a valid part says so.
func validateManifest(path string) (manifestReport, error) {
	found, err := readManifestFile(path)
	if isA[*manifest.Error](nil)(err) {
		var unfilled *draftError
		if _, partial := validateDraft(path); partial == nil {
			err = &partialError{err, path}
		} else if errors.As(partial, &unfilled) {
			err = &draftError{err, unfilled.unfilled}
		}
	}
	if err != nil {
		return manifestReport{}, err
	}
	return manifestReport{File: path, Name: found.Reference().String(), Digest: found.Digest()}, nil
}

// partialError says why a part of a manifest is not a whole one.
type partialError struct {
	err  error
	path string
}

func (e *partialError) Error() string { return e.err.Error() }
func (e *partialError) Unwrap() error { return e.err }

func (e *partialError) Hint() string {
	return "it is a valid part of a manifest, as `beitzoo publish --describe` takes it; check it as one with: beitzoo manifest validate --partial " + e.path
}

// validateDraft checks a part of a manifest.
func validateDraft(path string) (manifestReport, error) {
	draft, err := readDraft(path)
	if err != nil {
		return manifestReport{}, err
	}
	if err := draft.Validate(zoo.Known()); err != nil {
		return manifestReport{}, err
	}
	return manifestReport{File: path, Partial: true, Unstated: draft.Unstated(), Digest: draft.Digest()}, nil
}

// readDraft reads a part of a manifest.
func readDraft(path string) (*manifest.Draft, error) {
	raw, err := disk.ReadFile(path, manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	draft, err := manifest.ParseDraft(path, raw)
	if err != nil {
		return nil, &draftError{err, strings.Contains(err.Error(), "is not filled in")}
	}
	return draft, nil
}

// draftError is what is wrong with a part of a manifest.
type draftError struct {
	err error
	// unfilled says that there are fields without a value.
	unfilled bool
}

func (e *draftError) Error() string { return e.err.Error() }
func (e *draftError) Unwrap() error { return e.err }

func (e *draftError) Hint() string {
	if !e.unfilled {
		return "docs/zoo.md describes the fields; `beitzoo manifest init MODEL` writes a file with all of them"
	}
	return "fill in each field that has no value, or delete its line; what is not there is \"not stated\" in the manifest"
}

func printManifestReports(c *console, reports []manifestReport) error {
	return c.result(manifestsResult{reports}, func() {
		for _, r := range reports {
			if r.Partial {
				c.printf("%s: valid, and a part of a manifest; not stated: %s", r.File, text.List(r.Unstated, len(r.Unstated), "nothing"))
				continue
			}
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
	return printManifestReports(c, []manifestReport{{File: path, Name: found.Reference().String(), Digest: found.Digest(), Key: trust.KeyID(key.ID())}})
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
	return printManifestReports(c, []manifestReport{{File: path, Name: document.Reference().String(), Digest: document.Digest(), Key: trust.KeyID(key.ID())}})
}
