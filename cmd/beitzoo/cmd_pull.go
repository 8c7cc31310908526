package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
)

// pullResult is what `beitzoo pull --json` prints.
type pullResult struct {
	Name   string    `json:"name"`
	Path   string    `json:"path"`
	SHA256 string    `json:"sha256"`
	Bytes  int64     `json:"bytes"`
	From   string    `json:"from"`
	Pinned *pins.Pin `json:"pinned,omitempty"`
	// Status is what the publisher said about the entry later.
	Status *manifest.Status `json:"status,omitempty"`
	// Assumed are the items that the manifest calls guesses.
	Assumed  []card.Item `json:"assumed,omitempty"`
	Notes    []string    `json:"notes,omitempty"`
	Exported *savedFile  `json:"exported,omitempty"`
}

// pullFlags are the flags of pull.
type pullFlags struct {
	zoo                      zooFlags
	save                     saveFlags
	manifest, bundle, source string
	repin, keepUpstream      bool
	crossCheck               bool
}

func pullCommand(c *console) *cli.Command {
	var f pullFlags
	return &cli.Command{
		Name:      "pull",
		Usage:     "download weights of the zoo, checked, and write them in any format",
		ArgsUsage: "[NAME[@VERSION]]",
		Description: about("Without -o the weights stay in the cache, and their path is printed. Sources are tried in order: a bundle, the places of --zoo, then the upstream\n"+
			"checkpoint, which is downloaded, converted and checked. An interrupted pull resumes where it stopped. NAME may also be a model of Hugging Face's hub,\n"+
			"hf://OWNER/NAME[@REVISION][/PATH]: its commit is pinned, and it is asked whether the revision has moved since.",
			"beitzoo pull beit_large_p16_512 -o beit.pth --to timm",
			"beitzoo pull my_beit@1.0.0 --zoo https://example.org/zoo --trust key.pub",
			"beitzoo pull hf://microsoft/beit-base-patch16-224 --dry-run",
			"beitzoo pull beit_base_p16_224_pt22k_ft1k --cross-check",
		),
		Flags: c.flags(f.save.flags(), []cli.Flag{
			manifestFlag(&f.manifest),
			&cli.PathFlag{Name: "bundle", Destination: &f.bundle, Usage: "pull from this `FILE`, which beitzoo bundle made"},
			stringFlag("source", &f.source, "use only this `SOURCE` of those that the manifest lists"),
			boolFlag("repin", &f.repin, "accept an upstream file that differs from the one pinned earlier"),
			boolFlag("keep-upstream", &f.keepUpstream, "leave the upstream checkpoint in the cache after it is converted"),
			boolFlag("cross-check", &f.crossCheck, "pull every source that the manifest lists, and compare their weights"),
		}, f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return pull(ctx, c, args, f) }),
	}
}

func manifestFlag(path *string) cli.Flag {
	return &cli.PathFlag{Name: "manifest", Destination: path, Usage: "take the manifest in this `FILE` instead of one that the zoo has"}
}

func pull(ctx context.Context, c *console, args []string, f pullFlags) error {
	if f.save.output != "" {
		if err := f.save.checkName(); err != nil {
			return err
		}
	}
	var bundles []string
	if f.bundle != "" {
		bundles = append(bundles, f.bundle)
	}
	if model, isModel, err := hubModel(args, f); err != nil {
		return err
	} else if isModel {
		return pullModel(ctx, c, model, f)
	}
	z, found, err := f.zoo.resolveEntry(ctx, c, f.manifest, args, bundles...)
	if err != nil {
		return err
	}
	bar := &steps{c: c}
	defer bar.finish()
	options := pullOptions(c, bar)
	options.Source, options.Repin, options.KeepUpstream = f.source, f.repin, f.keepUpstream
	if f.crossCheck {
		if f.save.output != "" || f.source != "" || f.save.dryRun {
			return &usageError{"--cross-check compares all sources and writes no output", "leave out -o, --source and --dry-run"}
		}
		return crossCheck(ctx, c, z, found, options, bar)
	}
	if f.save.dryRun {
		return printPlan(ctx, c, z, found, options)
	}
	pulled, err := z.Pull(ctx, found, options)
	bar.finish()
	if err != nil {
		return err
	}
	result := pullResult{
		Name: found.Reference().String(), Path: pulled.Path, SHA256: string(pulled.Weights.Digest), Bytes: pulled.Weights.Size,
		From: pulled.From, Pinned: pulled.Pinned, Status: found.Status, Assumed: found.Assumed, Notes: pulled.Notes,
	}
	if f.save.output != "" {
		report, err := exportWeights(ctx, c, beitzoo.Weights{Path: pulled.Path, Entry: found}, found.ID, f.save)
		if err != nil {
			return err
		}
		exported := savedFileOf(&report.Saved)
		result.Exported, result.Notes = &exported, append(result.Notes, report.Notes...)
	}
	return c.result(result, func() { printPulled(c, result) })
}

// exportWeights writes pulled weights to the file or folder of --output. If that is a folder that exists, and neither scheme nor format is given,
// it writes canonical safetensors to a file in it. What the manifest says of the weights goes along.
func exportWeights(ctx context.Context, c *console, weights beitzoo.Weights, id string, f saveFlags) (*convert.Report, error) {
	bar := c.newProgress("writing")
	defer bar.finish()
	target := f.output
	saving, err := f.options(bar)
	if err != nil {
		return nil, err
	}
	options := convert.Options{SaveOptions: saving}
	if info, err := os.Stat(target); err == nil && info.IsDir() && (options.To == "" && options.Format == "" || options.ToMap != nil) {
		target += string(os.PathSeparator) + id + ".safetensors"
	}
	if options.OpenOptions, err = weights.Options(options.OpenOptions); err != nil {
		return nil, err
	}
	return convert.Convert(ctx, weights.Path, target, options)
}

func printPulled(c *console, r pullResult) {
	c.printf("%s, %s, from %s", r.Name, humanize.Bytes(uint64(r.Bytes)), r.From)
	c.printf("%s", r.SHA256)
	if r.Pinned != nil {
		c.printf("pinned: nobody published a digest for %s; from now on it must be %s", r.Pinned.Address, r.Pinned.Digest)
	}
	remarkAll(c, r.Notes)
	if guesses := assumedText(r.Assumed); guesses != "" {
		c.remark("the manifest calls these guesses, which flags replace when the weights are used: " + guesses)
	}
	if r.Exported == nil {
		c.printf("%s", r.Path)
		return
	}
	printExported(c, r.Exported.Saved)
}

// assumedText lists items that are guesses, with the flags that state them.
func assumedText(items []card.Item) string {
	var said []string
	for _, item := range items {
		if flag := itemFlags[item]; flag != "" {
			said = append(said, itemText(item)+" ("+flag+")")
		}
	}
	return strings.Join(said, ", ")
}

// printExported says what was written, and what it can't hold of what is known of the weights.
func printExported(c *console, saved *convert.Saved) {
	c.printf("%s: %s, scheme %s", saved.Path, saved.Format, saved.Scheme)
	for _, loss := range saved.Lost {
		c.printf("lost: %s", lossText(loss))
	}
}

// pullPlan is what `beitzoo pull --dry-run --json` prints.
type pullPlan struct {
	Name    string      `json:"name"`
	Sources []candidate `json:"sources"`
}

// candidate is one source in it.
type candidate struct {
	Name    string        `json:"name"`
	Address string        `json:"address,omitempty"`
	SHA256  digest.Digest `json:"sha256,omitempty"`
	Pinned  bool          `json:"pinned,omitempty"`
	Bytes   int64         `json:"bytes"`
	Exact   bool          `json:"exact_size"`
	Cached  bool          `json:"cached"`
	Problem string        `json:"problem,omitempty"`
}

// printPlan lists the sources that a pull would try, in order.
func printPlan(ctx context.Context, c *console, z *zoo.Zoo, found *zoo.Match, options zoo.PullOptions) error {
	candidates, err := z.Plan(ctx, found, options)
	if err != nil {
		return err
	}
	lines := make([]candidate, len(candidates))
	for i, k := range candidates {
		lines[i] = candidate{k.Name, k.Address, k.Digest, k.Pinned, k.Bytes, k.Exact, k.Cached, errorText(k.Err)}
	}
	return c.result(pullPlan{found.Reference().String(), lines}, func() {
		c.printf("%s would be tried from:", found.Reference())
		for _, line := range lines {
			c.printf("  %-12s %-9s %s", line.Name, candidateSize(line), line.Address)
			if line.Problem != "" {
				c.printf("  %-12s %s", "", line.Problem)
			}
		}
	})
}

func candidateSize(line candidate) string {
	switch {
	case line.Cached:
		return "in cache"
	case line.Bytes < 0:
		return "?"
	case line.Exact:
		return humanize.Bytes(uint64(line.Bytes))
	}
	return "~" + humanize.Bytes(uint64(line.Bytes))
}

// crossCheckResult is what `beitzoo pull --cross-check --json` prints.
type crossCheckResult struct {
	Name string `json:"name"`
	// Agree reports that all sources that could be read have the same weights.
	Agree   bool          `json:"agree"`
	Sources []crossSource `json:"sources"`
}

// crossSource is one source in it.
type crossSource struct {
	Name string `json:"name"`
	// Checkpoint is the digest of the upstream file; Weights is that of the canonical file that it was converted to.
	Checkpoint digest.Digest `json:"checkpoint_sha256,omitempty"`
	Weights    digest.Digest `json:"sha256,omitempty"`
	Problem    string        `json:"problem,omitempty"`
}

// crossCheck pulls every source of a manifest and prints whether they have the same weights.
func crossCheck(ctx context.Context, c *console, z *zoo.Zoo, found *zoo.Match, options zoo.PullOptions, bar *steps) error {
	all, err := z.CrossCheck(ctx, found, options)
	bar.finish()
	if len(all) == 0 || ctx.Err() != nil {
		return err
	}
	result := crossCheckResult{Name: found.Reference().String(), Agree: err == nil}
	for _, s := range all {
		result.Sources = append(result.Sources, crossSource{s.Source, s.Checkpoint.Digest, s.Weights.Digest, errorText(s.Err)})
	}
	printed := c.result(result, func() {
		for _, s := range result.Sources {
			if s.Problem == "" {
				c.printf("%-12s weights %s", s.Name, s.Weights)
			} else {
				c.printf("%-12s %s", s.Name, s.Problem)
			}
		}
		if result.Agree {
			c.printf("%s: every source that could be read has the same weights", result.Name)
		}
	})
	return errors.Join(err, printed)
}
