package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// saveFlags say what file to write, and how.
type saveFlags struct {
	output, to, format, wrapper string
	prove, dryRun, noSync, bare bool
}

func (f *saveFlags) flags() []cli.Flag {
	return []cli.Flag{
		outputFlag(&f.output, "the `FILE` to write, or a folder, which ends in /"),
		&cli.StringFlag{
			Name: "to", Destination: &f.to, DefaultText: "the usual one of the format",
			Usage: "the naming `SCHEME` to write: " + strings.Join(naming.Names(), ", "),
		},
		&cli.StringFlag{
			Name: "format", Destination: &f.format, DefaultText: "by the ending of the output, else by the scheme",
			Usage: "the file `FORMAT` to write: " + strings.Join(convert.Formats(), ", "),
		},
		&cli.StringFlag{
			Name: "wrapper", Destination: &f.wrapper, DefaultText: "the usual one of the scheme",
			Usage: "the `KEY` around the state dict in PyTorch files, or the class in PASSL's; \"none\" for none",
		},
		boolFlag("prove", &f.prove, "before the output gets its name, read it back and compare every bit"),
		boolFlag("dry-run", &f.dryRun, "say what would be written, and write nothing"),
		boolFlag("bare", &f.bare, "leave out of the metadata what is known beside the weights; canonical files then have the digest that a zoo would store"),
		boolFlag("no-sync", &f.noSync, "do not wait until the output is on the disk"),
	}
}

func (f saveFlags) options(bar *progress) convert.SaveOptions {
	return convert.SaveOptions{
		To: f.to, Format: f.format, Wrapper: f.wrapper, Prove: f.prove, DryRun: f.dryRun, NoSync: f.noSync, Bare: f.bare, Progress: bar.set,
	}
}

func outputFlag(output *string, usage string) cli.Flag {
	return &cli.PathFlag{Name: "output", Aliases: []string{"o"}, Destination: output, Usage: usage}
}

// requireOutput returns an error if -o is not given.
func requireOutput(output string) error {
	if output != "" {
		return nil
	}
	return &usageError{"no output is named", "add: -o FILE"}
}
