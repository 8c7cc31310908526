package main

import (
	"context"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

func cacheCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "cache",
		Usage: "list, verify and prune the local cache of weights",
		Description: about("The cache holds what commands pulled, by digest. It is in the folder BEITZOO_HOME, if that variable is set.",
			"beitzoo cache ls",
			"beitzoo cache prune --unused 720h",
		),
		Subcommands: []*cli.Command{
			{Name: "ls", Aliases: []string{"list"}, Usage: "list what is in the cache", Description: about("", "beitzoo cache ls"), Flags: c.flags(), Action: withCache(c, listCache)},
			{Name: "path", Usage: "print the folder of the cache", Description: about("", "beitzoo cache path"), Flags: c.flags(), Action: withCache(c, printCacheFolder)},
			{Name: "verify", Usage: "compare every file of the cache with its digest", Description: about("", "beitzoo cache verify"), Flags: c.flags(), Action: withCache(c, verifyCache)},
			pruneCommand(c),
		},
	}
}

func pruneCommand(c *console) *cli.Command {
	var unused time.Duration
	var dryRun bool
	return &cli.Command{
		Name:        "prune",
		Usage:       "remove weights that were not used lately, and what interrupted pulls left",
		Description: about("", "beitzoo cache prune --unused 720h --dry-run"),
		Flags: c.flags([]cli.Flag{
			&cli.DurationFlag{Name: "unused", Destination: &unused, DefaultText: "remove all", Usage: "keep what was used within this `TIME`, such as 720h"},
			boolFlag("dry-run", &dryRun, "say what would be removed, and remove nothing"),
		}),
		Action: withCache(c, func(ctx context.Context, c *console, local *cache.Cache) error {
			return pruneCache(ctx, c, local, unused, dryRun)
		}),
	}
}

// withCache returns the action of a command that works on the local cache.
func withCache(c *console, run func(context.Context, *console, *cache.Cache) error) cli.ActionFunc {
	return action(func(ctx context.Context, _ []string) error {
		local, err := cache.New("", cache.Options{})
		if err != nil {
			return err
		}
		return run(ctx, c, local)
	})
}

// cacheLine is a line of `beitzoo cache ls --json`.
type cacheLine struct {
	SHA256 string    `json:"sha256"`
	Bytes  int64     `json:"bytes"`
	Used   time.Time `json:"used"`
	Path   string    `json:"path"`
}

func listCache(_ context.Context, c *console, local *cache.Cache) error {
	entries, err := local.List()
	if err != nil {
		return err
	}
	lines := make([]cacheLine, len(entries))
	for i, e := range entries {
		lines[i] = cacheLine{string(e.Digest), e.Size, e.Used, e.Path}
	}
	return c.result(lines, func() {
		for _, line := range lines {
			c.printf("%s  %8s  %s", line.SHA256, humanize.Bytes(uint64(line.Bytes)), humanize.Time(line.Used))
		}
	})
}

func printCacheFolder(_ context.Context, c *console, local *cache.Cache) error {
	return c.result(map[string]string{"path": local.Dir()}, func() { c.printf("%s", local.Dir()) })
}

func verifyCache(ctx context.Context, c *console, local *cache.Cache) error {
	entries, err := local.List()
	if err != nil {
		return err
	}
	bar := c.newProgress("checking")
	err = local.Verify(ctx, entries, bar.set)
	bar.finish()
	if err != nil {
		return err
	}
	return c.result(map[string]int{"verified": len(entries)}, func() { c.printf("all %d files have the digests that their names say", len(entries)) })
}

func pruneCache(ctx context.Context, c *console, local *cache.Cache, unused time.Duration, dryRun bool) error {
	options := cache.PruneOptions{DryRun: dryRun}
	if unused > 0 {
		border := time.Now().Add(-unused)
		options.Keep = func(e cache.Entry) bool { return e.Used.After(border) }
	}
	pruned, err := local.Prune(ctx, options)
	if err != nil {
		return err
	}
	return c.result(pruned, func() {
		verb := "removed"
		if dryRun {
			verb = "would remove"
		}
		c.printf("%s %s and %d unfinished, %s", verb, text.Count(len(pruned.Blobs), "file", "files"), len(pruned.Partials), humanize.Bytes(uint64(pruned.Bytes)))
		for _, blob := range pruned.Blobs {
			c.printf("  %s", strings.TrimSpace(blob))
		}
	})
}
