package main

import (
	"context"
	"errors"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func mirrorCommand(c *console) *cli.Command {
	var f zooFlags
	var dryRun bool
	return &cli.Command{
		Name:      "mirror",
		Usage:     "copy entries of the zoo, with their signatures, from one place to another",
		ArgsUsage: "FROM TO [NAME@VERSION...]",
		Description: about("Without names, all entries are copied. No key is needed: index and manifests stay as they were signed.\n"+
			"What no valid key has signed is not copied; then the rest is, and the exit code is 5. What FROM lists and does not hold, as a bundle or a mirror of\n"+
			"some entries does, is named and left out.",
			"beitzoo mirror https://example.org/zoo zoo/ --trust key.pub",
			"beitzoo mirror zoo/ oci://registry.example.org/beit tiny@1.0.0",
		),
		Flags: c.flags([]cli.Flag{boolFlag("dry-run", &dryRun, "say what would be copied, and copy nothing")}, f.flags()),
		Action: action(func(ctx context.Context, args []string) error {
			return mirror(ctx, c, args[0], args[1], args[2:], dryRun, f)
		}),
	}
}

// mirrorResult is what `beitzoo mirror --json` prints.
type mirrorResult struct {
	Place   string   `json:"place"`
	Entries []string `json:"entries"`
	// Refused are the entries that were not copied, because no valid key has signed them.
	Refused []string `json:"refused"`
	// Absent are those that FROM lists and does not hold.
	Absent       []string `json:"absent"`
	Bytes        int64    `json:"bytes"`
	IndexVersion int64    `json:"index_version"`
}

func mirror(ctx context.Context, c *console, source, destination string, wanted []string, dryRun bool, f zooFlags) error {
	z, to, err := f.openWithDestination(ctx, c, destination)
	if err != nil {
		return err
	}
	network, err := f.network(c)
	if err != nil {
		return err
	}
	from, closer, err := place.Open(ctx, source, network)
	if err != nil {
		return err
	}
	defer closer.Close()
	bar := &steps{c: c}
	var refused []error
	options := zoo.MirrorOptions{DryRun: dryRun, Progress: bar.set, Notice: func(problem error) {
		if errors.As(problem, new(*trust.SignatureError)) {
			refused = append(refused, problem)
			return
		}
		c.remark(problem)
	}}
	for _, name := range wanted {
		reference, err := manifest.ParseReference(name)
		if err != nil {
			return err
		}
		options.Wanted = append(options.Wanted, reference)
	}
	mirrored, err := z.Mirror(ctx, from, to, options)
	bar.finish()
	if err != nil {
		return err
	}
	result := mirrorResult{
		Place: to.String(), Entries: names(mirrored.Entries), Refused: names(mirrored.Refused), Absent: names(mirrored.Absent),
		Bytes: mirrored.Bytes, IndexVersion: mirrored.IndexVersion,
	}
	if dryRun {
		return errors.Join(append(refused, printMirrorPlan(c, result, mirrored.Missing))...)
	}
	printed := c.result(result, func() {
		c.printf("%s has %s now, %s, index version %d",
			to, text.Count(len(mirrored.Entries), "entry", "entries"), humanize.Bytes(uint64(mirrored.Bytes)), mirrored.IndexVersion)
	})
	return errors.Join(append(refused, printed)...)
}

// mirrorPlan is what `beitzoo mirror --dry-run --json` prints.
type mirrorPlan struct {
	mirrorResult
	DryRun bool          `json:"dry_run"`
	Files  []plannedFile `json:"files"`
}

func printMirrorPlan(c *console, result mirrorResult, missing []place.File) error {
	plan := mirrorPlan{mirrorResult: result, DryRun: true}
	plan.Files, plan.Bytes = planOf(missing)
	return c.result(plan, func() {
		for _, name := range plan.Entries {
			c.printf("%s", name)
		}
		printPlanned(c, "copy", plan.Place, plan.Files, plan.Bytes)
	})
}
