package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// initFlags are the flags of manifest init.
type initFlags struct {
	name, version, output string
	model                 modelFlags
	zoo                   zooFlags
}

func initCommand(c *console) *cli.Command {
	var f initFlags
	return &cli.Command{
		Name:      "init",
		Usage:     "write a description of a model for people to fill in, which publish --describe takes",
		ArgsUsage: "MODEL",
		Description: about("What the checkpoint, or the manifest of a name, says is filled in. A field without a value has to be filled in or deleted.",
			"beitzoo manifest init model.pth -o about.yaml",
			"beitzoo manifest init digits_p16_64",
		),
		Flags: c.flags([]cli.Flag{
			outputFlag(&f.output, "the `FILE` to write, which must not exist; without it the description is printed"),
			stringFlag("name", &f.name, "the `NAME` of the entry, if it is known already"),
			stringFlag("version", &f.version, "the `VERSION` of the entry, if it is known already"),
		}, f.model.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return initManifest(ctx, c, args[0], f) }),
	}
}

// initResult is what `beitzoo manifest init --json` prints.
type initResult struct {
	// File is what was written, or empty; then Text is the description.
	File string `json:"file,omitempty"`
	Text string `json:"text,omitempty"`
	// Unstated are the fields that have no value yet.
	Unstated []string `json:"unstated"`
}

func initManifest(ctx context.Context, c *console, argument string, f initFlags) error {
	if _, err := os.Lstat(f.output); err == nil {
		return &existsError{f.output}
	}
	publication := zoo.Publication{Name: f.name, Version: f.version, WithoutLabels: f.model.labels == none, WithoutRecipe: f.model.recipe == none}
	if err := f.model.publish(ctx, c, argument, f.zoo, &publication); err != nil {
		return err
	}
	z, err := f.zoo.open(ctx, c)
	if err != nil {
		return err
	}
	described, err := z.Describe(ctx, publication)
	if err != nil {
		return err
	}
	remarkGuesses(c, described.Source)
	remarkAll(c, described.Notes)
	raw, err := manifest.Template(&described.Manifest,
		"A description for: beitzoo publish MODEL PLACE --describe FILE",
		"A field without a value has to be filled in or deleted. What is known of the weights is compared with them.",
	)
	if err != nil {
		return err
	}
	result := initResult{File: f.output, Unstated: described.Manifest.Unstated()}
	if f.output == "" {
		result.Text = string(raw)
		return c.result(result, func() { c.printf("%s", lines(raw[:len(raw)-1])) })
	}
	if err := writeNew(f.output, raw, 0o666); err != nil {
		return err
	}
	return c.result(result, func() {
		c.printf("wrote %s; fill in or delete: %s", f.output, text.List(result.Unstated, len(result.Unstated), "nothing"))
		c.printf("then: beitzoo publish %s PLACE --describe %s --name NAME --version VERSION --sign KEY", argument, f.output)
	})
}

// writeNew writes a file that must not exist yet. One that cannot be written whole is removed.
func writeNew(path string, content []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return &existsError{path}
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// existsError says that there is a file already where one is to be written.
type existsError struct{ path string }

func (e *existsError) Error() string { return e.path + " exists already, and is not overwritten" }

// Is reports that the request was wrong.
func (e *existsError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns what to do.
func (e *existsError) Hint() string { return "write to another name with -o, or remove the file" }
