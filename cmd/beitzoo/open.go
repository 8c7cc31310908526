package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// located is a model that an argument names: a path, and, if it is a name of the zoo, what the zoo knows of it.
type located struct {
	path  string
	entry *zoo.Match
}

// locate turns a file, a folder, or a name of the zoo into a path. What exists as a file or folder is that; weights of the zoo are pulled if they
// are not here yet.
func (f zooFlags) locate(ctx context.Context, c *console, argument string) (located, error) {
	if _, err := os.Stat(argument); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return located{path: argument}, nil
	} else if looksLikePath(argument) {
		return located{}, &missingError{modelFile, err}
	}
	z, err := f.open(ctx, c)
	if err != nil {
		return located{}, err
	}
	found, err := z.Resolve(ctx, argument)
	if err != nil {
		return located{}, err
	}
	bar := &steps{c: c}
	defer bar.finish()
	pulled, err := z.Pull(ctx, found, pullOptions(c, bar))
	if err != nil {
		return located{}, err
	}
	return located{pulled.Path, found}, nil
}

// looksLikePath reports whether an argument can only be meant as a file or folder: it has a slash or an ending, which names of the zoo have not.
func looksLikePath(argument string) bool {
	if _, err := manifest.ParseReference(argument); err != nil {
		return true
	}
	name, _, _ := strings.Cut(argument, "@")
	return filepath.Ext(name) != ""
}

// architecture is that of the zoo's entry, or nil for files.
func (l located) architecture() (*arch.Config, error) {
	if l.entry == nil {
		return nil, nil
	}
	config, err := zoo.Architecture(&l.entry.Manifest)
	return &config, err
}

// model is an opened model, and what the zoo knows of it.
type model struct {
	*convert.Model
	located
}

// openModel opens the model that an argument names.
func openModel(ctx context.Context, c *console, argument string, how modelFlags, from zooFlags) (*model, error) {
	options, err := how.options()
	if err != nil {
		return nil, err
	}
	at, err := from.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	if options.Arch == nil {
		if options.Arch, err = at.architecture(); err != nil {
			return nil, err
		}
	}
	opened, err := convert.Open(ctx, at.path, options)
	if err != nil {
		return nil, err
	}
	return &model{opened, at}, nil
}

// resolveEntry opens the zoo and returns an entry: that of a manifest file, if one is given, else that of the name in the arguments.
func (f zooFlags) resolveEntry(ctx context.Context, c *console, manifestFile string, args []string, bundles ...string) (*zoo.Zoo, *zoo.Match, error) {
	if len(args) == 0 && manifestFile == "" {
		return nil, nil, &usageError{"NAME is missing", "beitzoo list shows the names; --manifest FILE takes a manifest of your own"}
	}
	z, err := f.open(ctx, c, bundles...)
	if err != nil {
		return nil, nil, err
	}
	if manifestFile != "" {
		found, err := readManifestFile(manifestFile)
		return z, found, err
	}
	found, err := z.Resolve(ctx, args[0])
	if err != nil {
		return nil, nil, err
	}
	for _, n := range found.Notices {
		c.remark("%s", n)
	}
	return z, found, nil
}

// readManifestFile reads a manifest that the user names as a file.
func readManifestFile(path string) (*zoo.Match, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	document, err := zoo.ReadManifest(path, raw)
	if err != nil {
		return nil, err
	}
	return zoo.MatchOf(document), nil
}

// pullOptions show progress, and problems that the pull recovered from.
func pullOptions(c *console, bar *steps) zoo.PullOptions {
	return zoo.PullOptions{Progress: bar.set, Notice: func(problem error) { c.remark("%s", problem) }}
}

// open opens the zoo. Bundles come before the places of --zoo.
func (f zooFlags) open(ctx context.Context, c *console, bundles ...string) (*zoo.Zoo, error) {
	local, err := cache.New("", cache.Options{})
	if err != nil {
		return nil, err
	}
	options := zoo.Options{Manifests: manifests.Files, Embedded: embedded.Files, Cache: local, Offline: f.offline}
	if options.State, err = zoo.DefaultState(); err != nil {
		return nil, err
	}
	network, err := f.network(c)
	if err != nil {
		return nil, err
	}
	options.HTTP, options.Retry = network.HTTP, network.Retry
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
	return zoo.New(options)
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
