package main

import (
	"context"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/zoo/hub"
)

// hubModel reads the argument of pull if it names a model of the hub. A name of the zoo has no slash.
func hubModel(args []string, f pullFlags) (hub.Reference, bool, error) {
	if len(args) != 1 || f.manifest != "" {
		return hub.Reference{}, false, nil
	}
	site, environmentErr := hub.FromEnvironment()
	reference, form, err := hub.Parse(args[0], site)
	switch {
	case err != nil || form == hub.Foreign:
		return reference, false, err
	case environmentErr != nil:
		return reference, false, environmentErr
	case f.source != "" || f.bundle != "" || f.keepUpstream:
		return reference, false, &usageError{
			"--source, --bundle and --keep-upstream are for entries of the zoo, not for models of the hub", "leave them out, or give a name that `beitzoo list` shows",
		}
	}
	return reference, true, nil
}

// pulledModel is what `beitzoo pull hf://... --json` prints.
type pulledModel struct {
	Name   string       `json:"name"`
	Path   string       `json:"path,omitempty"`
	From   string       `json:"from"`
	Commit string       `json:"commit"`
	Bytes  int64        `json:"bytes"`
	Files  []pulledFile `json:"files"`
	// Pinned reports that the commit is pinned from now on, Cached that nothing had to be fetched, DryRun that nothing was.
	Pinned   bool       `json:"pinned"`
	Cached   bool       `json:"cached"`
	DryRun   bool       `json:"dry_run,omitempty"`
	Exported *savedFile `json:"exported,omitempty"`
}

// pulledFile is a file in it.
type pulledFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256,omitempty"`
	Bytes  int64  `json:"bytes"`
}

// pullModel fetches a model of the hub.
func pullModel(ctx context.Context, c *console, reference hub.Reference, f pullFlags) error {
	z, err := f.zoo.open(ctx, c)
	if err != nil {
		return err
	}
	bar := &steps{c: c}
	defer bar.finish()
	options := pullOptions(c, bar)
	options.Repin = f.repin
	if f.save.dryRun {
		planned, err := z.PlanHub(ctx, reference, options)
		if err != nil {
			return err
		}
		return printPulledModel(c, planned, nil, true)
	}
	pulled, err := z.PullHub(ctx, reference, true, options)
	bar.finish()
	if err != nil {
		return err
	}
	var exported *savedFile
	if f.save.output != "" {
		report, err := exportWeights(ctx, c, beitzoo.Weights{Path: pulled.Path, Snapshot: pulled}, reference.Name, f.save)
		if err != nil {
			return err
		}
		remarkAll(c, report.Notes)
		saved := savedFileOf(&report.Saved)
		exported = &saved
	}
	return printPulledModel(c, pulled, exported, false)
}

func printPulledModel(c *console, s *hub.Snapshot, exported *savedFile, dryRun bool) error {
	result := pulledModel{
		Name: s.Reference.String(), Path: s.Path, From: s.Endpoint, Commit: s.Commit, Bytes: s.Bytes(), Pinned: s.Pinned, Cached: s.Cached, DryRun: dryRun, Exported: exported,
	}
	for _, file := range s.Files {
		result.Files = append(result.Files, pulledFile{file.Name, string(file.Digest), file.Size})
	}
	return c.result(result, func() {
		verb := ""
		switch {
		case s.Cached:
			verb = ", from the cache"
		case dryRun:
			verb = ", would be fetched from " + s.Endpoint
		default:
			verb = ", from " + s.Endpoint
		}
		c.printf("%s, commit %s, %s%s", s.Reference, s.Commit, humanize.Bytes(uint64(result.Bytes)), verb)
		for _, file := range s.Files {
			size := "?"
			if file.Size >= 0 {
				size = humanize.Bytes(uint64(file.Size))
			}
			c.printf("  %-9s %s", size, file.Name)
		}
		switch {
		case exported != nil:
			printExported(c, exported.Saved)
		case s.Path != "":
			c.printf("%s", s.Path)
		}
	})
}
