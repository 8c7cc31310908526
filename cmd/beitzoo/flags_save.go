package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// saveFlags say what is written.
func saveFlags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE`, or folder ending in /, to write"},
		&cli.StringFlag{Name: "to", Usage: "the naming `SCHEME` to write: " + strings.Join(naming.Names(), ", ")},
		&cli.StringFlag{Name: "format", Usage: "the file `FORMAT` to write: " + strings.Join(convert.Formats(), ", ")},
		&cli.StringFlag{Name: "wrapper", Usage: "PASSL's class, or the key around the state dict in PyTorch files; none for none"},
		&cli.BoolFlag{Name: "prove", Usage: "read the output back and compare every bit before it gets its name"},
		&cli.BoolFlag{Name: "dry-run", Usage: "say what would be written, and write nothing"},
		&cli.BoolFlag{Name: "no-sync", Usage: "do not wait until the output is on the disk"},
	}
}

// saveOptions reads those flags.
func saveOptions(ctx *cli.Context, bar *progress) convert.SaveOptions {
	return convert.SaveOptions{
		To: ctx.String("to"), Format: ctx.String("format"), Wrapper: ctx.String("wrapper"),
		Prove: ctx.Bool("prove"), DryRun: ctx.Bool("dry-run"), NoSync: ctx.Bool("no-sync"), Progress: bar.set,
	}
}

// outputPath is the value of -o, which must be given.
func outputPath(ctx *cli.Context) (string, error) {
	if path := ctx.Path("output"); path != "" {
		return path, nil
	}
	return "", &usageError{"no output is named", "add: -o FILE"}
}
