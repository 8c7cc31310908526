package main

import (
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
)

// zooEntry is a line of `beitzoo list --json`.
type zooEntry struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Title   string        `json:"title"`
	Place   string        `json:"place,omitempty"`
	Digest  digest.Digest `json:"manifest_sha256"`
}

func listCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:   "list",
		Usage:  "list the weights of the zoo",
		Flags:  flags(zooFlags()),
		Action: func(ctx *cli.Context) error { return list(c, ctx) },
	}
}

func list(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx); err != nil {
		return err
	}
	_, all, err := listZoo(c, ctx)
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		entries := make([]zooEntry, len(all))
		for i, l := range all {
			entries[i] = zooEntry{l.Name, l.Version, l.Title, l.Place, l.Digest}
		}
		return c.json(entries)
	}
	printList(c, all)
	return nil
}

// listZoo opens the zoo of the flags and lists it. Places that fail are noted.
func listZoo(c *console, ctx *cli.Context) (*zoo.Zoo, []zoo.Listing, error) {
	z, err := openZoo(c, ctx)
	if err != nil {
		return nil, nil, err
	}
	all, notices, err := z.List(ctx.Context)
	for _, n := range notices {
		c.notef("note: %s", n)
	}
	return z, all, err
}

func printList(c *console, all []zoo.Listing) {
	lines := table.NewWriter()
	lines.SetStyle(table.StyleLight)
	lines.Style().Options = table.OptionsNoBordersAndSeparators
	lines.AppendHeader(table.Row{"name", "version", "what", "where"})
	for _, l := range all {
		place := l.Place
		if place == "" {
			place = "upstream"
		}
		lines.AppendRow(table.Row{l.Name, l.Version, l.Title, place})
	}
	c.printf("%s", lines.Render())
}
