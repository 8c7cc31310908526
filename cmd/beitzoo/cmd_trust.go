package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func trustCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "trust",
		Usage: "look after the keys that are pinned for places",
		Subcommands: []*cli.Command{
			{Name: "ls", Usage: "list the places, their keys and the index that was seen last", Flags: flags(), Action: func(ctx *cli.Context) error { return listTrust(c, ctx) }},
			{
				Name: "forget", Usage: "forget key and index of a place, so that --trust is needed again", ArgsUsage: "PLACE", Flags: flags(),
				Action: func(ctx *cli.Context) error { return forgetPlace(c, ctx) },
			},
		},
	}
}

// trusted is a line of `beitzoo trust ls --json`.
type trusted struct {
	Place string   `json:"place"`
	Keys  []string `json:"keys"`
	// IndexVersion and Expires are those of the latest index that was accepted.
	IndexVersion int64  `json:"index_version"`
	Expires      string `json:"expires"`
}

func listTrust(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx); err != nil {
		return err
	}
	state, err := zoo.DefaultState()
	if err != nil {
		return err
	}
	trust := zoo.OpenTrust(state)
	places, err := trust.Places()
	if err != nil {
		return err
	}
	lines := []trusted{}
	for _, place := range places {
		line, err := trustOf(trust, place)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	if ctx.Bool("json") {
		return c.json(lines)
	}
	for _, line := range lines {
		c.printf("%s", line.Place)
		for _, key := range line.Keys {
			c.printf("  key    %s", key)
		}
		c.printf("  index  version %d, expires %s", line.IndexVersion, line.Expires)
	}
	return nil
}

func trustOf(trust *manifest.Trust, place string) (trusted, error) {
	line := trusted{Place: place, Keys: []string{}}
	keys, err := trust.Keys(place)
	if err != nil {
		return line, err
	}
	for _, key := range keys {
		line.Keys = append(line.Keys, key.String())
	}
	latest, err := trust.Latest(place)
	if latest != nil {
		line.IndexVersion, line.Expires = latest.Version, latest.Expires
	}
	return line, err
}

// forgetPlace takes the name that `trust ls` prints, or the path of a folder.
func forgetPlace(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "PLACE"); err != nil {
		return err
	}
	state, err := zoo.DefaultState()
	if err != nil {
		return err
	}
	trust := zoo.OpenTrust(state)
	place := ctx.Args().First()
	err = trust.Forget(place)
	if path, failed := filepath.Abs(place); errors.Is(err, fs.ErrNotExist) && failed == nil {
		place, err = path, trust.Forget(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{fmt.Sprintf("nothing is remembered about a place %.200q", ctx.Args().First()), "beitzoo trust ls names the places"}
	}
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(map[string]string{"forgotten": place})
	}
	c.printf("forgot %s", place)
	return nil
}
