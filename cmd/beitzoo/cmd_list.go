package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

// listResult is what `beitzoo list --json` prints.
type listResult struct {
	Entries []zooEntry `json:"entries"`
}

// zooEntry is one entry of the zoo in it.
type zooEntry struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Title   string `json:"title"`
	Place   string `json:"place,omitempty"`
	// Embedded says that the weights are inside the program, Cached that they are in the cache.
	Embedded bool          `json:"embedded"`
	Cached   bool          `json:"cached"`
	Digest   digest.Digest `json:"manifest_sha256"`
	// Status is what the publisher said about the entry later.
	Status *manifest.Status `json:"status,omitempty"`
	// Refused says why nobody can pull the entry.
	Refused string `json:"refused,omitempty"`
	// Absent says that the place lists the entry and does not hold it.
	Absent bool `json:"absent,omitempty"`
}

func listCommand(c *console) *cli.Command {
	var f zooFlags
	return &cli.Command{
		Name:    "list",
		Aliases: []string{"ls"},
		Usage:   "list the weights that can be pulled",
		Description: about("Lists what the places of --zoo publish, and the models whose manifests ship with the program; those are pulled from their upstream\n"+
			"address. If a place cannot be asked, the others are listed, and the exit code is 4.",
			"beitzoo list",
			"beitzoo list --zoo https://example.org/zoo --trust key.pub",
		),
		Flags:  c.flags(f.flags()),
		Action: action(func(ctx context.Context, _ []string) error { return list(ctx, c, f) }),
	}
}

func list(ctx context.Context, c *console, f zooFlags) error {
	z, all, err := listZoo(ctx, c, f)
	if all == nil {
		return err
	}
	cached, problem := cachedEntries(ctx, z)
	if problem != nil {
		c.remark(fmt.Errorf("what is cached is not known: %w", problem))
	}
	entries := make([]zooEntry, len(all))
	for i, l := range all {
		entries[i] = zooEntry{
			Name: l.Name, Version: l.Version, Title: l.Title, Place: l.Place, Embedded: l.Embedded, Cached: cached[l.Reference], Digest: l.Digest, Status: l.Status,
			Absent: l.Absent,
		}
		if l.Refused != nil {
			entries[i].Refused = l.Refused.Error()
		}
	}
	return errors.Join(err, c.result(listResult{entries}, func() { printList(c, entries) }))
}

// listZoo opens the zoo that the flags name and lists it. If places could not be asked, it returns what the others have, and an error.
func listZoo(ctx context.Context, c *console, f zooFlags) (*zoo.Zoo, []zoo.Listing, error) {
	z, err := f.open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	all, notices, err := z.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range notices {
		if zoo.Unanswered([]error{n}) == nil { // else the error says it
			c.remark(n)
		}
	}
	return z, all, zoo.Unanswered(notices)
}

// printList prints a table. An entry without a place is that of a manifest that ships with the program.
func printList(c *console, entries []zooEntry) {
	rows := [][]string{{"NAME", "VERSION", "WHAT", "WHERE"}}
	for _, e := range entries {
		rows = append(rows, []string{e.Name, e.Version, e.what(), e.where()})
	}
	c.printTable(rows, 2)
}

// what returns the title, with what speaks against the entry before it.
func (e zooEntry) what() string {
	if e.Refused != "" {
		return "(refused: no valid key has signed it) " + e.Title
	}
	if e.Absent {
		return "(listed, but not held there) " + markTitle(e.Title, e.Status)
	}
	return markTitle(e.Title, e.Status)
}

// where says where the weights come from.
func (e zooEntry) where() string {
	where := cmp.Or(e.Place, "upstream")
	if e.Embedded {
		where = "in the program"
	}
	if e.Cached {
		where += ", cached"
	}
	return where
}

// cachedEntries returns the entries whose weights are in the cache.
func cachedEntries(ctx context.Context, z *zoo.Zoo) (map[manifest.Reference]bool, error) {
	local, err := cache.New("", cache.Options{})
	if err != nil {
		return nil, err
	}
	blobs, err := local.List()
	if err != nil {
		return nil, err
	}
	uses, err := z.Uses(ctx)
	if err != nil {
		return nil, err
	}
	cached := map[manifest.Reference]bool{}
	for _, blob := range blobs {
		for _, use := range uses[blob.Digest] {
			cached[use.Reference] = cached[use.Reference] || use.Part == zoo.WeightsPart || use.Part == zoo.EncodedPart
		}
	}
	return cached, nil
}
