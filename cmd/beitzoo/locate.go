package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// located is a model that an argument names: a path, and, where it is a name of the zoo, what the zoo knows of it.
type located struct {
	path  string
	entry *zoo.Found
}

// locate turns a file, a folder, or a name of the zoo into a path. Weights of the zoo are pulled where they are not here yet. What exists as a
// file is a file.
func locate(c *console, ctx *cli.Context, argument string) (located, error) {
	if _, err := os.Stat(argument); !errors.Is(err, fs.ErrNotExist) {
		return located{path: argument}, nil
	}
	if _, err := manifest.ParseReference(argument); err != nil {
		return located{path: argument}, nil //nolint:nilerror // it looks like a path, so opening it will say what is wrong
	}
	z, err := openZoo(c, ctx)
	if err != nil {
		return located{}, err
	}
	found, err := z.Resolve(ctx.Context, argument)
	if err != nil {
		return located{}, err
	}
	bar := &steps{c: c, ctx: ctx}
	defer bar.finish()
	pulled, err := z.Pull(ctx.Context, found, pullOptions(c, ctx, bar))
	if err != nil {
		return located{}, err
	}
	return located{pulled.Path, found}, nil
}

// architecture is that of the zoo's entry, or nil for files.
func (l located) architecture() (*arch.Config, error) {
	if l.entry == nil {
		return nil, nil
	}
	config, err := zoo.Architecture(&l.entry.Manifest)
	return &config, err
}
