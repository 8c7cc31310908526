package main

import (
	"context"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// publishFlags are the flags of publish.
type publishFlags struct {
	model                   modelFlags
	zoo                     zooFlags
	sign                    signFlags
	name, version, describe string
	recordings              cli.StringSlice
	encode, dryRun          bool
}

func publishCommand(c *console) *cli.Command {
	var f publishFlags
	return &cli.Command{
		Name:      "publish",
		Usage:     "make weights available to others: convert, verify, describe, sign and upload them",
		ArgsUsage: "CHECKPOINT DEST --name NAME --version VERSION --sign KEY",
		Description: about("DEST is a folder (an OCI image layout that any HTTP server can serve as well) or oci://host/repository.\n"+
			"Versions are never overwritten; the same publication twice changes nothing.",
			"beitzoo publish model.pth zoo/ --name my_beit --version 1.0.0 --sign key.sec --recording r.safetensors",
			"beitzoo publish model.pth zoo/ --name my_beit --version 1.0.0 --sign key.sec --dry-run",
		),
		Flags: c.flags([]cli.Flag{
			stringFlag("name", &f.name, "the `NAME` of the entry: lower case letters, digits, _ and -"),
			stringFlag("version", &f.version, "the `VERSION` of the entry, such as 1.0.0"),
			&cli.PathFlag{Name: "describe", Destination: &f.describe, Usage: "take title, origin, categories and so on from the manifest in this `FILE`"},
			&cli.StringSliceFlag{Name: "recording", Destination: &f.recordings, Usage: "verify the weights against the recording in this `FILE`, and publish it beside them"},
			boolFlag("encode", &f.encode, "store the weights losslessly compressed (docs/encoding.md)"),
			boolFlag("dry-run", &f.dryRun, "convert, verify, describe and check everything, say what would be uploaded, and write nothing to DEST"),
		}, f.sign.flags(), f.model.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return publish(ctx, c, args[0], args[1], f) }),
	}
}

func publish(ctx context.Context, c *console, checkpoint, destination string, f publishFlags) error {
	for _, flag := range []struct{ name, placeholder, value string }{{"name", "NAME", f.name}, {"version", "VERSION", f.version}, {"sign", "KEY", f.sign.key}} {
		if err := required(flag.name, flag.placeholder, flag.value); err != nil {
			return err
		}
	}
	z, to, err := f.zoo.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	weights, err := f.zoo.locate(ctx, c, checkpoint)
	if err != nil {
		return err
	}
	publication, err := f.publication(c, weights.Path)
	if err != nil {
		return err
	}
	if publication.Open, err = weights.Options(publication.Open); err != nil {
		return err
	}
	if publication.Base == nil && weights.Entry != nil {
		publication.Base = &weights.Entry.Manifest
	}
	bar := &steps{c: c}
	publication.Progress = bar.set
	published, err := z.Publish(ctx, to, publication)
	bar.finish()
	if err != nil {
		return err
	}
	return printPublished(c, published, f.dryRun)
}

// publication returns what is to be published, as the flags say. It reads the secret key.
func (f publishFlags) publication(c *console, checkpoint string) (zoo.Publication, error) {
	p := zoo.Publication{
		Checkpoint: checkpoint, Name: f.name, Version: f.version, Recordings: f.recordings.Value(), Encode: f.encode, Verify: verifyPublication,
		Notice: func(problem error) { c.remark(problem) }, Expires: f.sign.until(), DryRun: f.dryRun,
	}
	var err error
	if p.Open, err = f.model.options(); err != nil {
		return p, err
	}
	if p.Key, err = readSecretKey(c, f.sign.key); err != nil {
		return p, err
	}
	if f.describe != "" {
		found, err := readManifestFile(f.describe)
		if err != nil {
			return p, err
		}
		p.Base = &found.Manifest
	}
	return p, nil
}

// verifyPublication runs the weights in the best engine that this build has, and returns the worst verdict.
func verifyPublication(ctx context.Context, weights string, config arch.Config, recordings []string) (*manifest.Verdict, error) {
	model, err := convert.Open(ctx, weights, convert.OpenOptions{Arch: &config})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	subject := verify.Subject{Name: weights, Config: model.Config, Weights: model.Tensors, Engine: engines()[0]}
	defer collectOften()()
	result, path, err := verify.Worst(ctx, subject, recordings, verify.Options{})
	if err != nil {
		return nil, err
	}
	return &manifest.Verdict{
		Verified: result.OK, Engine: result.Engine, DType: result.DType.String(), Recording: path, MaxAbs: result.MaxAbs, Tolerance: result.Tolerance,
	}, nil
}

// publishedEntry is what `beitzoo publish --json` prints.
type publishedEntry struct {
	Name         string            `json:"name"`
	Place        string            `json:"place"`
	Manifest     digest.Digest     `json:"manifest_sha256"`
	Artifact     digest.Digest     `json:"artefact_sha256"` // spelled as in the first versions of this output
	Weights      digest.Digest     `json:"weights_sha256"`
	Bytes        int64             `json:"stored_bytes"`
	IndexVersion int64             `json:"index_version"`
	Unchanged    bool              `json:"unchanged"`
	Verdict      *manifest.Verdict `json:"verdict,omitempty"`
	Source       convert.Input     `json:"source"`
	// DryRun reports that nothing was written, and Files are what the place lacks.
	DryRun bool          `json:"dry_run,omitempty"`
	Files  []plannedFile `json:"files,omitempty"`
}

func printPublished(c *console, p *zoo.PublishResult, dryRun bool) error {
	files, bytes := planOf(p.Missing)
	entry := publishedEntry{
		p.String(), p.Place, p.Manifest, p.Artifact, p.Weights.Digest, p.Blob.Size, p.IndexVersion, p.Unchanged, p.Verdict, p.Source, dryRun, files,
	}
	remarkGuesses(c, p.Source)
	return c.result(entry, func() {
		verb := "published"
		if dryRun {
			verb = "would publish"
		}
		if p.Unchanged {
			verb = "already published, nothing to do:"
		}
		c.printf("%s %s to %s", verb, p.Reference, p.Place)
		c.printf("manifest  %s", p.Manifest)
		c.printf("weights   %s, stored in %d bytes", p.Weights.Digest, p.Blob.Size)
		if p.Verdict != nil {
			c.printf("verdict   %s", verdictLine(*p.Verdict))
		}
		if dryRun && !p.Unchanged {
			printPlanned(c, "upload", p.Place, files, bytes)
		}
	})
}
