package main

import (
	"context"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
)

func bundleCommand(c *console) *cli.Command {
	var f zooFlags
	var output string
	var dryRun bool
	return &cli.Command{
		Name:      "bundle",
		Usage:     "put entries of the zoo into one file, for machines without a network",
		ArgsUsage: "NAME[@VERSION]... -o FILE",
		Description: about("The file holds manifests, signatures and weights, and is checked when it is used. On the other machine, pull from it.",
			"beitzoo bundle beit_base_p16_224 -o beit.bundle",
			"beitzoo pull beit_base_p16_224 --bundle beit.bundle --offline",
		),
		Flags: c.flags([]cli.Flag{
			outputFlag(&output, "the `FILE` to write"),
			boolFlag("dry-run", &dryRun, "say what the file would hold, fetch no weights, and write nothing"),
		}, f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return bundle(ctx, c, args, output, dryRun, f) }),
	}
}

// bundleResult is what `beitzoo bundle --json` prints.
type bundleResult struct {
	File     string     `json:"file"`
	Entries  []string   `json:"entries"`
	Upstream []pins.Pin `json:"upstream,omitempty"`
	Bytes    int64      `json:"bytes"`
}

// names returns references as they are written: name@version.
func names(references []manifest.Reference) []string {
	written := []string{}
	for _, reference := range references {
		written = append(written, reference.String())
	}
	return written
}

func bundle(ctx context.Context, c *console, wanted []string, output string, dryRun bool, f zooFlags) error {
	if err := requireOutput(output); err != nil {
		return err
	}
	z, err := f.open(ctx, c)
	if err != nil {
		return err
	}
	entries, err := resolveAll(ctx, c, z, wanted)
	if err != nil {
		return err
	}
	if dryRun {
		return planBundle(ctx, c, z, output, entries)
	}
	bar := &steps{c: c}
	bundled, err := z.Bundle(ctx, output, entries, pullOptions(c, bar))
	bar.finish()
	if err != nil {
		return err
	}
	result := bundleResult{File: output, Entries: names(bundled.Entries), Upstream: bundled.Upstream, Bytes: bundled.Bytes}
	return c.result(result, func() {
		c.printf("%s holds %s, %s", output, text.Count(len(bundled.Entries), "entry", "entries"), humanize.Bytes(uint64(bundled.Bytes)))
		if n := len(bundled.Upstream); n > 0 {
			c.printf("of %s it has the upstream checkpoint, for programs that have the manifest inside", text.Count(n, "entry", "entries"))
		}
	})
}

func resolveAll(ctx context.Context, c *console, z *zoo.Zoo, names []string) ([]*zoo.Match, error) {
	var entries []*zoo.Match
	for _, name := range names {
		found, err := z.Resolve(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, n := range found.Notices {
			c.remark(n)
		}
		entries = append(entries, found)
	}
	return entries, nil
}

// bundlePlan is what `beitzoo bundle --dry-run --json` prints.
type bundlePlan struct {
	File    string        `json:"file"`
	Entries []string      `json:"entries"`
	DryRun  bool          `json:"dry_run"`
	Files   []plannedFile `json:"files"`
	Bytes   int64         `json:"bytes"`
}

func planBundle(ctx context.Context, c *console, z *zoo.Zoo, output string, entries []*zoo.Match) error {
	files, err := z.PlanBundle(ctx, entries, zoo.PullOptions{})
	if err != nil {
		return err
	}
	plan := bundlePlan{File: output, Entries: []string{}, DryRun: true}
	plan.Files, plan.Bytes = planOf(files)
	for _, entry := range entries {
		plan.Entries = append(plan.Entries, entry.Reference().String())
	}
	return c.result(plan, func() {
		for _, name := range plan.Entries {
			c.printf("%s", name)
		}
		printPlanned(c, "put together", output, plan.Files, plan.Bytes)
	})
}
