package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// locate returns the weights that an argument names: a file, a folder, a name of the zoo, or a model of the hub; the last two are
// fetched if they are not here yet.
func (f zooFlags) locate(ctx context.Context, c *console, argument string) (beitzoo.Weights, error) {
	bar := &steps{c: c}
	defer bar.finish()
	weights, err := beitzoo.Find(ctx, argument, func() (*zoo.Zoo, error) { return f.open(ctx, c) }, pullOptions(c, bar))
	if missing := (*fs.PathError)(nil); errors.As(err, &missing) && missing.Path == argument {
		err = &missingError{modelFile, err}
	}
	if len(words(f.places)) > 0 && weights.Entry == nil && weights.Path == argument && manifest.CheckName(argument) == nil {
		c.remark(fmt.Sprintf("the file or folder %s is taken; for what the zoo has under this name, add the version: %s@VERSION", argument, argument))
	}
	if weights.Entry != nil {
		for _, n := range weights.Entry.Notices {
			c.remark(n)
		}
	}
	return weights, err
}

// openModel opens the model that an argument names.
func openModel(ctx context.Context, c *console, argument string, how modelFlags, from zooFlags) (*convert.Model, error) {
	options, err := how.options()
	if err != nil {
		return nil, err
	}
	weights, err := from.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	model, err := weights.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	remarkGuesses(c, model.Input())
	return model, nil
}

// resolveEntry opens the zoo and returns the entry of a manifest file, if one is given, else the entry that the arguments name.
func (f zooFlags) resolveEntry(ctx context.Context, c *console, manifestFile string, args []string, bundles ...string) (*zoo.Zoo, *zoo.Match, error) {
	if len(args) == 0 && manifestFile == "" {
		return nil, nil, &usageError{"NAME[@VERSION] is missing", "`beitzoo list` shows the names; --manifest FILE takes a manifest of your own"}
	}
	z, err := f.open(ctx, c, bundles...)
	if err != nil {
		return nil, nil, err
	}
	if manifestFile != "" {
		found, err := readManifestFile(manifestFile)
		if err == nil && len(args) > 0 {
			err = checkNamed(args[0], manifestFile, found.Reference())
		}
		return z, found, err
	}
	found, err := z.Resolve(ctx, args[0])
	if err != nil {
		return nil, nil, err
	}
	for _, n := range found.Notices {
		c.remark(n)
	}
	return z, found, nil
}

// checkNamed compares the name on the command line with that in the manifest of --manifest.
func checkNamed(argument, file string, described manifest.Reference) error {
	named, err := manifest.ParseReference(argument)
	if err != nil {
		return err
	}
	if named.Name != described.Name || named.Version != "" && named.Version != described.Version {
		return &usageError{fmt.Sprintf("%s was asked for, but %s describes %s", text.Name(argument), file, described), "leave out the name, or --manifest"}
	}
	return nil
}

// readManifestFile reads a manifest that the user names as a file.
func readManifestFile(path string) (*zoo.Match, error) {
	raw, err := disk.ReadFile(path, manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	document, err := zoo.ReadManifest(path, raw)
	if err != nil {
		return nil, err
	}
	return zoo.MatchOf(document), nil
}

// pullOptions returns options that show progress, and problems that the pull recovered from.
func pullOptions(c *console, bar *steps) zoo.PullOptions {
	return zoo.PullOptions{Progress: bar.set, Notice: func(problem error) { c.remark(problem) }}
}

// open opens the zoo. Bundles come before the places of --zoo.
func (f zooFlags) open(ctx context.Context, c *console, bundles ...string) (*zoo.Zoo, error) {
	network, err := f.network(c)
	if err != nil {
		return nil, err
	}
	options := zoo.Options{Offline: f.offline, HTTP: network.HTTP, Retry: network.Retry}
	for _, key := range words(f.keys) {
		public, err := trust.ReadPublicKey(key)
		if err != nil {
			return nil, err
		}
		options.Keys = append(options.Keys, public)
	}
	for _, name := range append(bundles, words(f.places)...) {
		place, _, err := place.Open(ctx, name, network) // the end of the process closes it
		if err != nil {
			return nil, err
		}
		options.Places = append(options.Places, place)
	}
	return beitzoo.NewZoo(options)
}

// openWithDestination opens the zoo, and the place that a command writes to.
func (f zooFlags) openWithDestination(ctx context.Context, c *console, address string) (*zoo.Zoo, place.Destination, error) {
	z, err := f.open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	network, err := f.network(c)
	if err != nil {
		return nil, nil, err
	}
	to, err := place.OpenDestination(ctx, address, network)
	return z, to, err
}
