package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
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

// openOptions reads the model flags of a command.
func openOptions(ctx *cli.Context) (convert.OpenOptions, error) {
	options := convert.OpenOptions{From: ctx.String("from"), Select: ctx.String("select"), Epsilon: ctx.Float64("epsilon")}
	if options.Epsilon < 0 {
		return options, &usageError{"--epsilon must be positive", "the usual values are 1e-6 and 1e-12"}
	}
	if options.From != "" {
		if _, err := naming.ByName(options.From); err != nil {
			return options, err
		}
	}
	if name := ctx.String("arch"); name != "" {
		config, err := readArchitecture(name)
		if err != nil {
			return options, err
		}
		options.Arch = &config
	}
	return options, nil
}

// readArchitecture takes a name, or the path of a PASSL yaml config.
func readArchitecture(name string) (arch.Config, error) {
	if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		return arch.ByName(name)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return arch.Config{}, err
	}
	return configs.ParsePASSL(raw)
}

// model is an opened model, and what the zoo knows of it.
type model struct {
	*convert.Model
	located
}

// openModel opens the model that an argument names.
func openModel(c *console, ctx *cli.Context, argument string) (*model, error) {
	options, err := openOptions(ctx)
	if err != nil {
		return nil, err
	}
	at, err := locate(c, ctx, argument)
	if err != nil {
		return nil, err
	}
	if options.Arch == nil {
		if options.Arch, err = at.architecture(); err != nil {
			return nil, err
		}
	}
	opened, err := convert.Open(ctx.Context, at.path, options)
	if err != nil {
		return nil, err
	}
	return &model{opened, at}, nil
}

// resolveEntry returns the manifest: of the file that --manifest names, else of the name that was given.
func resolveEntry(c *console, ctx *cli.Context) (*zoo.Zoo, *zoo.Found, error) {
	z, err := openZoo(c, ctx)
	if err != nil {
		return nil, nil, err
	}
	if path := ctx.Path("manifest"); path != "" {
		if ctx.NArg() > 1 {
			return nil, nil, exactArgs(ctx, "NAME")
		}
		found, err := readManifestFile(path)
		return z, found, err
	}
	if err := exactArgs(ctx, "NAME[@VERSION]"); err != nil {
		return nil, nil, err
	}
	found, err := z.Resolve(ctx.Context, ctx.Args().First())
	if err != nil {
		return nil, nil, err
	}
	for _, n := range found.Notices {
		c.notef("note: %s", n)
	}
	return z, found, nil
}

// readManifestFile reads a manifest that the user names as a file.
func readManifestFile(path string) (*zoo.Found, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	document, err := zoo.ReadManifest(path, raw)
	if err != nil {
		return nil, err
	}
	return zoo.Given(document), nil
}

func pullOptions(c *console, ctx *cli.Context, bar *steps) zoo.PullOptions {
	options := zoo.PullOptions{
		Source: ctx.String("source"), Repin: ctx.Bool("repin"), KeepUpstream: ctx.Bool("keep-upstream"), Progress: bar.set,
	}
	if !ctx.Bool("quiet") {
		options.Notice = func(problem error) { c.notef("note: %s", problem) }
	}
	return options
}

// openZoo reads those flags. What --bundle names comes before the places of --zoo.
func openZoo(c *console, ctx *cli.Context) (*zoo.Zoo, error) {
	local, err := cache.New("", cache.Options{})
	if err != nil {
		return nil, err
	}
	options := zoo.Options{Manifests: manifests.Files, Embedded: embedded.Files, Cache: local, Offline: ctx.Bool("offline")}
	if options.State, err = zoo.DefaultState(); err != nil {
		return nil, err
	}
	network, err := placeOptions(c, ctx)
	if err != nil {
		return nil, err
	}
	options.HTTP, options.Retry = network.HTTP, network.Retry
	for _, key := range wordsOf(ctx, "trust") {
		public, err := manifest.ReadPublicKey(key)
		if err != nil {
			return nil, err
		}
		options.Keys = append(options.Keys, public)
	}
	names := wordsOf(ctx, "zoo")
	if from := ctx.String("bundle"); from != "" {
		names = append([]string{from}, names...)
	}
	for _, name := range names {
		place, _, err := zoo.OpenPlace(ctx.Context, name, network) // the end of the process closes it
		if err != nil {
			return nil, err
		}
		options.Places = append(options.Places, place)
	}
	return zoo.New(options)
}

// openZooAndDestination opens the place that a command signs for, too.
func openZooAndDestination(c *console, ctx *cli.Context, address string) (*zoo.Zoo, zoo.Publishing, error) {
	z, err := openZoo(c, ctx)
	if err != nil {
		return nil, nil, err
	}
	network, err := placeOptions(c, ctx)
	if err != nil {
		return nil, nil, err
	}
	to, err := zoo.OpenDestination(ctx.Context, address, network)
	return z, to, err
}

// placeOptions say how servers are asked. Registries use the logins of docker.
func placeOptions(c *console, ctx *cli.Context) (zoo.PlaceOptions, error) {
	options := zoo.PlaceOptions{Retry: patience(c, ctx)}
	netrc, err := httpstore.Netrc()
	if err != nil {
		return options, err
	}
	options.HTTP.Credentials = httpstore.First(httpstore.Bearer(ctx.String("token-for"), os.Getenv("BEITZOO_TOKEN")), netrc)
	if limit := ctx.String("rate-limit"); limit != "" {
		rate, err := humanize.ParseBytes(limit)
		if err != nil || rate == 0 {
			return options, &usageError{fmt.Sprintf("--rate-limit %q is no number of bytes", limit), "try --rate-limit 5MB"}
		}
		options.HTTP.Limiter = store.NewLimiter(int64(rate))
		options.Registry.Limiter = options.HTTP.Limiter
	}
	return options, nil
}

// patience tells the user why it takes longer.
func patience(c *console, ctx *cli.Context) retry.Options {
	options := retry.Options{}
	if !ctx.Bool("quiet") {
		options.Notice = func(problem error, wait time.Duration) {
			c.notef("%s; trying again in %s", problem, wait.Round(time.Second))
		}
	}
	return options
}
