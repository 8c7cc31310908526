package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
)

// saveFlags say what file to write, and how.
type saveFlags struct {
	output, to, ownMap, format, wrapper string
	prove, dryRun, noSync, bare         bool
	otherTaps                           bool
}

func (f *saveFlags) flags() []cli.Flag {
	return []cli.Flag{
		outputFlag(&f.output, "the `FILE` to write, or a folder, which ends in /"),
		&cli.StringFlag{
			Name: "to", Destination: &f.to, DefaultText: "the usual one of the format",
			Usage: "the naming `SCHEME` to write: " + strings.Join(naming.Names(), ", "),
		},
		&cli.PathFlag{Name: "to-map", Destination: &f.ownMap, Usage: "write the names of the map in this `FILE`, in place of a scheme's; see --map"},
		&cli.StringFlag{
			Name: "format", Destination: &f.format, DefaultText: "by the ending of the output, else by the scheme",
			Usage: "the file `FORMAT` to write: " + strings.Join(convert.Formats(), ", "),
		},
		&cli.StringFlag{
			Name: "wrapper", Destination: &f.wrapper, DefaultText: "the usual one of the scheme",
			Usage: "the `KEY` around the state dict in PyTorch files, or the class in PASSL's, or that of transformers for segmentation; \"none\" for none",
		},
		boolFlag("allow-other-taps", &f.otherTaps, "write a folder for transformers although its class taps other blocks of a segmentation model, and say which"),
		boolFlag("prove", &f.prove, "before the output gets its name, read it back and compare every bit"),
		boolFlag("dry-run", &f.dryRun, "say what would be written, and write nothing"),
		boolFlag("bare", &f.bare, "leave out of the metadata what is known beside the weights; canonical files then have the digest that a zoo would store"),
		boolFlag("no-sync", &f.noSync, "do not wait until the output is on the disk"),
	}
}

func (f saveFlags) options(bar *progress) (convert.SaveOptions, error) {
	options := convert.SaveOptions{
		To: f.to, Format: f.format, Wrapper: f.wrapper, Prove: f.prove, DryRun: f.dryRun, NoSync: f.noSync, Bare: f.bare, AllowOtherTaps: f.otherTaps, Progress: bar.set,
	}
	if f.ownMap == "" {
		return options, nil
	}
	if f.to != "" {
		return options, &usageError{"--to-map and --to exclude each other", "leave out --to: the map says how the parameters are called"}
	}
	var err error
	options.ToMap, err = naming.ReadMap(f.ownMap)
	return options, err
}

// checkName returns an error for an output of which nothing says what it is to be: with neither an ending nor a slash at its end, scheme or format.
func (f saveFlags) checkName() error {
	if f.to != "" || f.ownMap != "" || f.format != "" || filepath.Ext(f.output) != "" || strings.HasSuffix(f.output, "/") || os.IsPathSeparator(f.output[len(f.output)-1]) {
		return nil
	}
	if _, err := os.Stat(f.output); err == nil {
		return nil
	}
	return &usageError{
		"nothing says what " + text.Quote(f.output) + " is to be",
		fmt.Sprintf("for a Hugging Face folder let the name end in a slash: %s/; for a file let it end in .safetensors, .pth or .pdparams, or add --to SCHEME",
			text.Shorten(f.output, 60)),
	}
}

func outputFlag(output *string, usage string) cli.Flag {
	return &cli.PathFlag{Name: "output", Aliases: []string{"o"}, Destination: output, Usage: usage, Action: notStandardOutput}
}

// notStandardOutput refuses "-", which means standard output in many programs, and would be the name of a file here.
func notStandardOutput(_ *cli.Context, path string) error {
	if path != "-" {
		return nil
	}
	return &usageError{
		"the output cannot be standard output: it is written in several places at once, and appears whole or not at all",
		"name a file; one that is called - is written as ./-",
	}
}

// requireOutput returns an error if -o is not given.
func requireOutput(output string) error {
	if output != "" {
		return nil
	}
	return &usageError{"no output is named", "add: -o FILE"}
}
