package main

import (
	"context"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func publishCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "publish",
		Usage:     "make canonical weights and a manifest, verify and sign them, and put them where others pull from",
		ArgsUsage: "CHECKPOINT DEST",
		Description: "DEST is a folder (an OCI image layout that any HTTP server can serve as well) or oci://host/repository.\n" +
			"Versions are never overwritten; the same publication twice changes nothing.\n\n" +
			"   beitzoo publish model.pth zoo/ --name my_beit --version 1.0.0 --sign key.sec --recording r.safetensors",
		Flags: flags(modelFlags(), zooFlags(), signFlags(), []cli.Flag{
			&cli.StringFlag{Name: "name", Required: true, Usage: "the `NAME` of the entry: lower case letters, digits, _ and -"},
			&cli.StringFlag{Name: "version", Required: true, Usage: "its `VERSION`, such as 1.0.0"},
			&cli.PathFlag{Name: "describe", Usage: "a manifest `FILE` with title, origin, categories and so on"},
			&cli.StringSliceFlag{Name: "recording", Usage: "a `FILE` that the weights are verified against and that is published beside them"},
			&cli.BoolFlag{Name: "encode", Usage: "store the weights losslessly compressed (docs/encoding.md)"},
		}),
		Action: func(ctx *cli.Context) error { return publish(c, ctx) },
	}
}

func publish(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "CHECKPOINT", "DEST"); err != nil {
		return err
	}
	z, to, err := openZooAndDestination(c, ctx, ctx.Args().Get(1))
	if err != nil {
		return err
	}
	publication, err := describePublication(c, ctx)
	if err != nil {
		return err
	}
	bar := &steps{c: c, ctx: ctx}
	publication.Progress = bar.set
	published, err := z.Publish(ctx.Context, to, publication)
	bar.finish()
	if err != nil {
		return err
	}
	return printPublished(c, ctx, published)
}

// describePublication reads the flags.
func describePublication(c *console, ctx *cli.Context) (zoo.Publication, error) {
	p := zoo.Publication{
		Checkpoint: ctx.Args().First(), Name: ctx.String("name"), Version: ctx.String("version"),
		Recordings: ctx.StringSlice("recording"), Encode: ctx.Bool("encode"), Verify: verifyPublication,
		Notice: func(problem error) { c.notef("note: %s", problem) },
	}
	var err error
	if p.Open, err = openOptions(ctx); err != nil {
		return p, err
	}
	if p.Key, err = secretKey(c, ctx); err != nil {
		return p, err
	}
	p.Expires = expires(ctx)
	if path := ctx.Path("describe"); path != "" {
		found, err := readManifestFile(path)
		if err != nil {
			return p, err
		}
		p.Base = &found.Manifest
	}
	return p, nil
}

// verifyPublication runs the weights with the best engine that this build has, beside each recording, or beside the float64 oracle where there
// is none; the verdict is that of the worst.
func verifyPublication(ctx context.Context, weights string, config arch.Config, recordings []string) (*manifest.Verdict, error) {
	model, err := convert.Open(ctx, weights, convert.OpenOptions{Arch: &config})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	subject := verify.Subject{Name: weights, Config: model.Config, Weights: model.Tensors, Engine: engines()[0], Options: engine.Options{}}
	references := []verify.Reference{verify.Oracle()}
	names := []string{""}
	if len(recordings) > 0 {
		references, names = nil, recordings
	}
	for _, path := range recordings {
		r, err := recording.Read(ctx, path)
		if err != nil {
			return nil, err
		}
		references = append(references, verify.Recorded(path, r))
	}
	defer collectOften()()
	var worst *manifest.Verdict
	for i, reference := range references {
		result, err := verify.Verify(ctx, subject, reference, verify.Options{})
		if err != nil {
			return nil, err
		}
		verdict := &manifest.Verdict{
			Verified: result.OK, Engine: result.Engine, DType: result.DType.String(), Recording: names[i], MaxAbs: result.MaxAbs, Tolerance: result.Tolerance,
		}
		if worst == nil || !verdict.Verified || worst.Verified && verdict.MaxAbs/verdict.Tolerance > worst.MaxAbs/worst.Tolerance {
			worst = verdict
		}
	}
	return worst, nil
}

// publishedEntry is what `beitzoo publish --json` prints.
type publishedEntry struct {
	Name         string            `json:"name"`
	Place        string            `json:"place"`
	Manifest     digest.Digest     `json:"manifest_sha256"`
	Artefact     digest.Digest     `json:"artefact_sha256"`
	Weights      digest.Digest     `json:"weights_sha256"`
	Bytes        int64             `json:"stored_bytes"`
	IndexVersion int64             `json:"index_version"`
	Unchanged    bool              `json:"unchanged"`
	Verdict      *manifest.Verdict `json:"verdict,omitempty"`
}

func printPublished(c *console, ctx *cli.Context, p *zoo.Published) error {
	if ctx.Bool("json") {
		return c.json(publishedEntry{
			p.String(), p.Place, p.Manifest, p.Artefact, p.Weights.Digest, p.Blob.Size, p.IndexVersion, p.Unchanged, p.Verdict,
		})
	}
	verb := "published"
	if p.Unchanged {
		verb = "already published, nothing to do:"
	}
	c.printf("%s %s to %s", verb, p.Reference, p.Place)
	c.printf("manifest  %s", p.Manifest)
	c.printf("weights   %s, stored in %d bytes", p.Weights.Digest, p.Blob.Size)
	if p.Verdict != nil {
		c.printf("verdict   %s", verdictLine(*p.Verdict))
	}
	return nil
}
