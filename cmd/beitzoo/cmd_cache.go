package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

func cacheCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "cache",
		Usage: "list, verify and prune the local cache of weights",
		Description: about("The cache holds what commands pulled, by digest. It is in the folder BEITZOO_HOME, if that variable is set.",
			"beitzoo cache ls",
			"beitzoo cache prune --unused 30d",
		),
		Subcommands: []*cli.Command{
			{Name: "ls", Aliases: []string{"list"}, Usage: "list what is in the cache", Description: about("", "beitzoo cache ls"), Flags: c.flags(), Action: withCache(c, listCache)},
			{Name: "path", Usage: "print the folder of the cache", Description: about("", "beitzoo cache path"), Flags: c.flags(), Action: withCache(c, printCacheFolder)},
			{Name: "verify", Usage: "compare every file of the cache with its digest", Description: about("", "beitzoo cache verify"), Flags: c.flags(), Action: withCache(c, verifyCache)},
			pruneCommand(c),
		},
	}
}

// pruneFlags are the flags of cache prune.
type pruneFlags struct {
	unused      string
	all, dryRun bool
}

func pruneCommand(c *console) *cli.Command {
	var f pruneFlags
	return &cli.Command{
		Name:      "prune",
		Usage:     "remove weights that were not used lately, and what interrupted pulls left",
		ArgsUsage: "--unused AGE",
		Description: about("One of --unused and --all must be given. What an interrupted pull left is removed a week after it stopped; until then the next pull resumes there.",
			"beitzoo cache prune --unused 30d --dry-run",
			"beitzoo cache prune --all",
		),
		Flags: c.flags([]cli.Flag{
			stringFlag("unused", &f.unused, "remove what was not used for this `AGE`, such as 30d, 2w or 12h"),
			boolFlag("all", &f.all, "remove all weights"),
			boolFlag("dry-run", &f.dryRun, "say what would be removed, and remove nothing"),
		}),
		Action: withCache(c, func(ctx context.Context, c *console, local *cache.Cache) error {
			return pruneCache(ctx, c, local, f)
		}),
	}
}

// age returns the value of --unused; 0 stands for --all.
func (f pruneFlags) age() (time.Duration, error) {
	switch {
	case f.all && f.unused != "":
		return 0, &usageError{"--all and --unused exclude each other", "give one of them"}
	case f.all:
		return 0, nil
	case f.unused == "":
		return 0, &usageError{"nothing says what to remove", "add --unused AGE, such as --unused 30d, or --all; --dry-run shows what would be removed"}
	}
	age, ok := parseAge(f.unused)
	if !ok {
		return 0, &usageError{fmt.Sprintf("--unused %s is not an age", text.Quote(f.unused)), "write it as 30d, 2w, 12h or 1d12h; --all removes everything"}
	}
	return age, nil
}

// ageUnits are the units of ages. A day has 24 hours.
var ageUnits = map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}

// parseAge reads a positive time such as 30d or 1d12h.
func parseAge(age string) (time.Duration, bool) {
	var sum time.Duration
	for rest := age; rest != ""; {
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 1 {
			return 0, false
		}
		count, err := strconv.ParseInt(rest[:end], 10, 64)
		unit := ageUnits[rest[end]]
		if err != nil || unit == 0 || count > int64((math.MaxInt64-sum)/unit) {
			return 0, false
		}
		sum += time.Duration(count) * unit
		rest = rest[end+1:]
	}
	return sum, sum > 0
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

// cacheList is what `beitzoo cache ls --json` prints.
type cacheList struct {
	Folder string      `json:"folder"`
	Files  []cacheFile `json:"files"`
}

type cacheFile struct {
	SHA256 string    `json:"sha256"`
	Bytes  int64     `json:"bytes"`
	Used   time.Time `json:"used"`
	Path   string    `json:"path"`
	// For is what the file belongs to; empty if that is not known.
	For []cacheUse `json:"for"`
}

type cacheUse struct {
	Name string `json:"name"`
	Part string `json:"part"`
}

func listCache(ctx context.Context, c *console, local *cache.Cache) error {
	entries, err := local.List()
	if err != nil {
		return err
	}
	z, err := beitzoo.NewZoo(zoo.Options{Cache: local, Offline: true})
	if err != nil {
		return err
	}
	uses, err := z.Uses(ctx)
	if err != nil {
		return err
	}
	list := cacheList{Folder: local.Dir(), Files: []cacheFile{}}
	for _, e := range entries {
		file := cacheFile{string(e.Digest), e.Size, e.Used, e.Path, []cacheUse{}}
		for _, use := range uses[e.Digest] {
			file.For = append(file.For, cacheUse{use.String(), string(use.Part)})
		}
		list.Files = append(list.Files, file)
	}
	return c.result(list, func() {
		for _, file := range list.Files {
			c.printf("%s  %8s  %-14s  %s", file.SHA256, humanize.Bytes(uint64(file.Bytes)), humanize.Time(file.Used), useText(file.For))
		}
	})
}

func useText(uses []cacheUse) string {
	if len(uses) == 0 {
		return "of an entry that is not known here"
	}
	var phrases []string
	for _, use := range uses {
		phrases = append(phrases, use.Part+" of "+use.Name)
	}
	return text.List(phrases, 2, "")
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

// pruneResult is what `beitzoo cache prune --json` prints.
type pruneResult struct {
	// Files are the paths of weights and other blobs, Unfinished those of what interrupted pulls left.
	Files      []string `json:"files"`
	Unfinished []string `json:"unfinished"`
	Bytes      int64    `json:"bytes"`
	DryRun     bool     `json:"dry_run"`
}

func pruneCache(ctx context.Context, c *console, local *cache.Cache, f pruneFlags) error {
	options := cache.PruneOptions{DryRun: f.dryRun}
	age, err := f.age()
	if err != nil {
		return err
	}
	if age > 0 {
		border := time.Now().Add(-age)
		options.Keep = func(e cache.Entry) bool { return e.Used.After(border) }
	}
	pruned, err := local.Prune(ctx, options)
	if err != nil {
		return err
	}
	result := pruneResult{append([]string{}, pruned.Blobs...), append([]string{}, pruned.Partials...), pruned.Bytes, f.dryRun}
	return c.result(result, func() {
		verb := "removed"
		if f.dryRun {
			verb = "would remove"
		}
		c.printf("%s %s and %d unfinished, %s", verb, text.Count(len(result.Files), "file", "files"), len(result.Unfinished), humanize.Bytes(uint64(result.Bytes)))
		for _, path := range result.Files {
			c.printf("  %s", path)
		}
	})
}
