package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
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
		ArgsUsage: "MODEL DEST --name NAME --version VERSION --sign KEY",
		Description: about("DEST is a folder (an OCI image layout that any HTTP server can serve as well) or oci://host/repository.\n"+
			"Versions are never overwritten; the same publication twice changes nothing. Class names, recipe and the like come along from wherever they stand beside\n"+
			"the weights, and the output says from where; the flags of the section Model state others, \"none\" leaves labels or recipe out. A name of the zoo\n"+
			"as MODEL brings its whole description along, and needs neither --name nor --version. `beitzoo manifest init` writes a description to fill in.",
			"beitzoo publish model.pth zoo/ --name my_beit --version 1.0.0 --sign key.sec --recording r.safetensors",
			"beitzoo publish model.pth zoo/ --name my_beit --version 1.0.0 --sign key.sec --describe about.yaml --dry-run",
			"beitzoo publish model.pth zoo/ --name my_beit --version 1.0.0 --sign key.sec --labels names.txt --recipe timm",
			"beitzoo publish digits_p16_64 zoo/ --sign key.sec",
		),
		Flags: c.flags([]cli.Flag{
			stringFlag("name", &f.name, "the `NAME` of the entry: lower case letters, digits, _ and -"),
			stringFlag("version", &f.version, "the `VERSION` of the entry, such as 1.0.0"),
			&cli.PathFlag{
				Name: "describe", Destination: &f.describe,
				Usage: "take title, origin, categories and so on from this `FILE`: a manifest, or as much of one as you want to state",
			},
			&cli.StringSliceFlag{Name: "recording", Destination: &f.recordings, Usage: "verify the weights against the recording in this `FILE`, and publish it beside them"},
			boolFlag("encode", &f.encode, "store the weights losslessly compressed (docs/encoding.md)"),
			boolFlag("dry-run", &f.dryRun, "convert, verify, describe and check everything, say what would be uploaded, and write nothing to DEST"),
		}, f.sign.flags(), f.model.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return publish(ctx, c, args[0], args[1], f) }),
	}
}

func publish(ctx context.Context, c *console, argument, destination string, f publishFlags) error {
	if err := required("sign", "KEY", f.sign.key); err != nil {
		return err
	}
	if _, err := os.Stat(argument); err == nil && f.describe == "" { // not a name of the zoo, which brings its own
		if err := f.requireReference(); err != nil {
			return err
		}
	}
	publication, err := f.publication(ctx, c, argument)
	if err != nil {
		return err
	}
	f.name, f.version = publication.Name, publication.Version
	if err := f.requireReference(); err != nil {
		return err
	}
	if publication.Key, err = readSecretKey(c, f.sign.key); err != nil {
		return err
	}
	z, to, err := f.zoo.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	bar := &steps{c: c}
	publication.Progress = bar.set
	published, err := z.Publish(ctx, to, publication)
	bar.finish()
	if publication.Draft != nil && isA[*manifest.Error](nil)(err) {
		return &contradictionError{err}
	}
	if err != nil {
		return err
	}
	return printPublished(c, published, f.dryRun)
}

// contradictionError says that a description does not fit the weights.
type contradictionError struct{ err error }

func (e *contradictionError) Error() string { return e.err.Error() }
func (e *contradictionError) Unwrap() error { return e.err }

func (e *contradictionError) Hint() string {
	return "correct the fields, or delete their lines: what is known of the weights is filled in"
}

// requireReference returns an error if nobody states the name or the version of the entry.
func (f publishFlags) requireReference() error {
	return cmp.Or(required("name", "NAME", f.name), required("version", "VERSION", f.version))
}

// publication returns what is to be published, as the flags say. Name and version may come from the description, or from the zoo.
func (f publishFlags) publication(ctx context.Context, c *console, argument string) (zoo.Publication, error) {
	p := zoo.Publication{
		Name: f.name, Version: f.version, Recordings: f.recordings.Value(), Encode: f.encode, Verify: verifyPublication,
		Notice: func(problem error) { c.remark(problem) }, Expires: f.sign.until(), DryRun: f.dryRun,
		WithoutLabels: f.model.labels == none, WithoutRecipe: f.model.recipe == none,
	}
	if f.describe != "" {
		var err error
		if p.Draft, err = readDraft(f.describe); err != nil {
			return p, err
		}
		p.Name, p.Version = cmp.Or(p.Name, p.Draft.ID), cmp.Or(p.Version, p.Draft.Version)
	}
	err := f.model.publish(ctx, c, argument, f.zoo, &p)
	return p, err
}

// none is the value of --labels and --recipe that leaves them out of what is published.
const none = "none"

// publish sets the checkpoint of a publication: a file, a folder, or a name of the zoo, whose manifest describes it then.
func (f modelFlags) publish(ctx context.Context, c *console, argument string, from zooFlags, p *zoo.Publication) error {
	if f.labels == none {
		f.labels = ""
	}
	if f.recipe == none {
		f.recipe = ""
	}
	options, err := f.options()
	if err != nil {
		return err
	}
	weights, err := from.locate(ctx, c, argument)
	if err != nil {
		return err
	}
	if p.Open, err = weights.Options(options); err != nil {
		return err
	}
	p.Checkpoint = weights.Path
	if entry := weights.Entry; entry != nil {
		p.Base = &entry.Manifest
		p.Name, p.Version = cmp.Or(p.Name, entry.ID), cmp.Or(p.Version, entry.Version)
	}
	return nil
}

// verifyPublication runs the weights in the best engine that this build has, and returns the worst verdict.
func verifyPublication(ctx context.Context, weights string, config arch.Config, recordings []string) (*manifest.Verdict, error) {
	model, err := convert.Open(ctx, weights, convert.OpenOptions{Arch: &config})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	subject := verify.Subject{Name: weights, Config: model.Config, Weights: model.Tensors, Engine: engines()[0]}
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
	// Card is what the manifest states of the model, each item with its source.
	Card convert.InspectedCard `json:"card"`
	// Assumed are the items of the card that the manifest calls guesses, Unstated the fields of the manifest that nobody stated.
	Assumed  []card.Item `json:"assumed,omitempty"`
	Unstated []string    `json:"unstated,omitempty"`
	// DryRun reports that nothing was written, and Files are what the place lacks.
	DryRun bool          `json:"dry_run,omitempty"`
	Files  []plannedFile `json:"files,omitempty"`
}

func printPublished(c *console, p *zoo.PublishResult, dryRun bool) error {
	files, bytes := planOf(p.Missing)
	described := &p.Description.Manifest
	entry := publishedEntry{
		p.String(), p.Place, p.Manifest, p.Artifact, p.Weights.Digest, p.Blob.Size, p.IndexVersion, p.Unchanged, p.Verdict, p.Source,
		publishedCard(p.Description), described.Assumed, described.Unstated(), dryRun, files,
	}
	remarkDescription(c, p.Description)
	return c.result(&entry, func() {
		verb := "published"
		if dryRun {
			verb = "would publish"
		}
		if p.Unchanged {
			verb = "already published, nothing to do:"
		}
		c.printf("%s %s to %s", verb, p.Reference, p.Place)
		c.printf("manifest      %s", p.Manifest)
		c.printf("weights       %s, stored in %d bytes", p.Weights.Digest, p.Blob.Size)
		c.printf("architecture  %s", describe(p.Card.Config))
		printCard(c, p.Card.Config, &entry.Card)
		if p.Verdict != nil {
			c.printf("verdict       %s", verdictLine(*p.Verdict))
		}
		if dryRun && !p.Unchanged {
			printPlanned(c, "upload", p.Place, files, bytes)
		}
	})
}

// publishedCard returns what a description states of a model.
func publishedCard(d zoo.Description) convert.InspectedCard {
	return convert.InspectedCard{
		From: d.Card.From, StateDict: cmp.Or(d.Card.StateDict, d.Source.Wrapper), Labels: d.Card.Labels, Palette: d.Card.Palette,
		Recipe: d.Card.Recipe, RecipeName: d.Card.RecipeName, Problem: d.Card.Problem,
	}
}

// remarkDescription says what was guessed, left out or replaced in the description of weights, and what nobody stated.
func remarkDescription(c *console, d zoo.Description) {
	remarkGuesses(c, d.Source)
	remarkAll(c, d.Notes)
	for _, item := range d.Manifest.Assumed {
		if itemFlags[item] == "" {
			continue // shown with the card
		}
		c.remark(fmt.Sprintf("%s is published as a guess (%s); state it with %s", itemText(item), d.Card.From[item], itemFlags[item]))
	}
	var open []string
	for _, field := range d.Manifest.Unstated() {
		open = append(open, fmt.Sprintf("%s (%s)", field, manifest.Meaning(field)))
	}
	if len(open) > 0 {
		c.remark(fmt.Sprintf("not stated: %s; `beitzoo manifest init` writes a file for --describe in which they can be filled in", strings.Join(open, ", ")))
	}
}

// itemFlags are the flags that state items of a card.
var itemFlags = map[card.Item]string{
	card.Heads: "--heads N", card.Window: "--window HxW", card.Taps: "--taps B,B,B,B", card.Epsilon: "--epsilon E",
	card.Pooling: "--pooling TOKENS", card.Preparing: "--recipe RECIPE", card.Labels: "--labels FILE",
}
