package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// zooFlags say where weights come from and whom to trust.
func zooFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "zoo", EnvVars: []string{"BEITZOO_ZOO"}, Usage: "a `PLACE` that publishes weights: a folder, the address of one, oci://host/repository, or a bundle"},
		&cli.StringSliceFlag{Name: "trust", EnvVars: []string{"BEITZOO_TRUST"}, Usage: "a minisign `KEY` or key file that may sign for the places"},
		&cli.BoolFlag{Name: "offline", Usage: "use the cache, the program and local places alone"},
		&cli.StringFlag{Name: "rate-limit", Usage: "fetch at most this many `BYTES` a second, such as 5MB"},
		&cli.StringFlag{Name: "token-for", Usage: "the `HOST` that the token in BEITZOO_TOKEN is for; no other gets it"},
	}
}

// openZoo reads those flags. What --bundle names comes before the places of --zoo.
func openZoo(c *console, ctx *cli.Context) (*zoo.Zoo, error) {
	local, err := cache.New("", cache.Options{})
	if err != nil {
		return nil, err
	}
	options := zoo.Options{Manifests: manifests.Files, Embedded: embedded.Files, Cache: local, Offline: ctx.Bool("offline")}
	if options.State, err = stateFolder(); err != nil {
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

// stateFolder is where pinned keys and digests are kept: in BEITZOO_HOME, else in the user's folder for settings.
func stateFolder() (string, error) {
	if home := os.Getenv(cache.HomeVariable); home != "" {
		return filepath.Abs(filepath.Join(home, "state"))
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no place for the state (set %s): %w", cache.HomeVariable, err)
	}
	return filepath.Join(folder, "beitzoo"), nil
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

// wordsOf are the values of a flag that may be repeated. An empty variable of the environment is none.
func wordsOf(ctx *cli.Context, name string) []string {
	return slices.DeleteFunc(ctx.StringSlice(name), func(word string) bool { return word == "" })
}
