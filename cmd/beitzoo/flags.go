package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// Flags that several commands share are made for each: the library writes into them.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print one JSON document, and progress as JSON events"}
}

func quietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress, no remarks"}
}

func flags(groups ...[]cli.Flag) []cli.Flag {
	var all []cli.Flag
	for _, group := range groups {
		all = append(all, group...)
	}
	return append(all, jsonFlag(), quietFlag())
}

// exactArgs checks the number of arguments.
func exactArgs(ctx *cli.Context, names ...string) error {
	if ctx.NArg() == len(names) {
		return nil
	}
	wanted := strings.Join(names, " ")
	if ctx.NArg() > len(names) {
		return &usageError{fmt.Sprintf("unexpected argument %q", ctx.Args().Get(len(names))), fmt.Sprintf("usage: beitzoo %s %s", ctx.Command.Name, wanted)}
	}
	return &usageError{fmt.Sprintf("%s is missing", names[ctx.NArg()]), fmt.Sprintf("usage: beitzoo %s %s", ctx.Command.Name, wanted)}
}
