package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func trustCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "trust",
		Usage: "list and forget the keys that are pinned for places",
		Description: about("The first index that a place shows with a trusted signature pins its list of keys: later ones must be signed by one of them, may change the list only as\n"+
			"its roots say, and must not be older.",
			"beitzoo trust ls",
			"beitzoo trust forget https://example.org/zoo",
		),
		Subcommands: []*cli.Command{
			{
				Name: "ls", Aliases: []string{"list"}, Usage: "list the places, their keys and the index that was seen last", Description: about("", "beitzoo trust ls"), Flags: c.flags(),
				Action: action(func(context.Context, []string) error { return listTrust(c) }),
			},
			{
				Name: "forget", Usage: "forget key and index of a place, so that --trust is needed again", ArgsUsage: "PLACE",
				Description: about("PLACE is a place that `beitzoo trust ls` lists, or the path of a folder.", "beitzoo trust forget zoo/"), Flags: c.flags(),
				Action: action(func(_ context.Context, args []string) error { return forgetPlace(c, args[0]) }),
			},
		},
	}
}

// trustResult is what `beitzoo trust ls --json` prints.
type trustResult struct {
	Places []trustedPlace `json:"places"`
}

// trustedPlace is one place in it.
type trustedPlace struct {
	Place string     `json:"place"`
	Keys  []placeKey `json:"keys"`
	// IndexVersion and Expires are those of the latest index that was accepted.
	IndexVersion int64  `json:"index_version"`
	Expires      string `json:"expires"`
}

func listTrust(c *console) error {
	state, err := zoo.DefaultState()
	if err != nil {
		return err
	}
	trust := zoo.OpenTrust(state)
	places, err := trust.Places()
	if err != nil {
		return err
	}
	lines := []trustedPlace{}
	for _, place := range places {
		line, err := trustOf(trust, place)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	return c.result(trustResult{lines}, func() {
		for _, line := range lines {
			c.printf("%s", line.Place)
			for _, key := range line.Keys {
				c.printf("  key    %s", key)
			}
			c.printf("  index  version %d, expires %s", line.IndexVersion, line.Expires)
		}
	})
}

func trustOf(trust *trust.Ledger, place string) (trustedPlace, error) {
	line := trustedPlace{Place: place}
	keys, err := trust.Keys(place)
	if err != nil {
		return line, err
	}
	line.Keys = placeKeys(keys)
	latest, err := trust.Latest(place)
	if latest != nil {
		line.IndexVersion, line.Expires = latest.Version, latest.Expires
	}
	return line, err
}

// forgetPlace takes the name that `trust ls` prints, or the path of a folder.
func forgetPlace(c *console, argument string) error {
	state, err := zoo.DefaultState()
	if err != nil {
		return err
	}
	trust := zoo.OpenTrust(state)
	place := argument
	err = trust.Forget(place)
	if path, failed := filepath.Abs(place); errors.Is(err, fs.ErrNotExist) && failed == nil {
		place, err = path, trust.Forget(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{fmt.Sprintf("no key is pinned for the place %.200q", argument), "`beitzoo trust ls` lists the places"}
	}
	if err != nil {
		return err
	}
	return c.result(map[string]string{"forgotten": place}, func() { c.printf("forgot %s", place) })
}
