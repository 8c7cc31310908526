package main

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

func cacheCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "cache",
		Usage: "look after the local cache of weights",
		Subcommands: []*cli.Command{
			{Name: "ls", Usage: "list what is in it", Flags: flags(), Action: withCache(c, listCache)},
			{Name: "path", Usage: "print its folder", Flags: flags(), Action: withCache(c, printCache)},
			{Name: "verify", Usage: "compare every file with its digest", Flags: flags(), Action: withCache(c, verifyCache)},
			{Name: "prune", Usage: "remove weights that were not used lately, and what interrupted pulls left", Action: withCache(c, pruneCache), Flags: flags([]cli.Flag{
				&cli.DurationFlag{Name: "unused", Usage: "keep what was used within this `TIME`, such as 720h; all goes where not given"},
				&cli.BoolFlag{Name: "dry-run", Usage: "say what would be removed, and remove nothing"},
			})},
		},
	}
}

func withCache(c *console, action func(*console, *cli.Context, *cache.Cache) error) cli.ActionFunc {
	return func(ctx *cli.Context) error {
		if err := exactArgs(ctx); err != nil {
			return err
		}
		local, err := cache.New("", cache.Options{})
		if err != nil {
			return err
		}
		return action(c, ctx, local)
	}
}

// cached is a line of `beitzoo cache ls --json`.
type cached struct {
	SHA256 string    `json:"sha256"`
	Bytes  int64     `json:"bytes"`
	Used   time.Time `json:"used"`
	Path   string    `json:"path"`
}

func listCache(c *console, ctx *cli.Context, local *cache.Cache) error {
	entries, err := local.List()
	if err != nil {
		return err
	}
	lines := make([]cached, len(entries))
	for i, e := range entries {
		lines[i] = cached{string(e.Digest), e.Size, e.Used, e.Path}
	}
	if ctx.Bool("json") {
		return c.json(lines)
	}
	for _, line := range lines {
		c.printf("%s  %8s  %s", line.SHA256, humanize.Bytes(uint64(line.Bytes)), humanize.Time(line.Used))
	}
	return nil
}

func printCache(c *console, ctx *cli.Context, local *cache.Cache) error {
	if ctx.Bool("json") {
		return c.json(map[string]string{"path": local.Dir()})
	}
	c.printf("%s", local.Dir())
	return nil
}

func verifyCache(c *console, ctx *cli.Context, local *cache.Cache) error {
	entries, err := local.List()
	if err != nil {
		return err
	}
	bar := c.newProgress(ctx, "checking")
	err = local.Verify(ctx.Context, entries, bar.set)
	bar.finish()
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(map[string]int{"verified": len(entries)})
	}
	c.printf("all %d files are what their names say", len(entries))
	return nil
}

func pruneCache(c *console, ctx *cli.Context, local *cache.Cache) error {
	options := cache.PruneOptions{DryRun: ctx.Bool("dry-run")}
	if unused := ctx.Duration("unused"); unused > 0 {
		border := time.Now().Add(-unused)
		options.Keep = func(e cache.Entry) bool { return e.Used.After(border) }
	}
	pruned, err := local.Prune(ctx.Context, options)
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(pruned)
	}
	verb := "removed"
	if options.DryRun {
		verb = "would remove"
	}
	c.printf("%s %d files and %d unfinished ones, %s", verb, len(pruned.Blobs), len(pruned.Partials), humanize.Bytes(uint64(pruned.Bytes)))
	for _, blob := range pruned.Blobs {
		c.printf("  %s", strings.TrimSpace(blob))
	}
	return nil
}
