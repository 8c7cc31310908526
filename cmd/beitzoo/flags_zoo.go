package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// zooFlags say where weights come from and whom to trust.
type zooFlags struct {
	places, keys        cli.StringSlice
	offline, plainHTTP  bool
	rateLimit, tokenFor string
}

func (f *zooFlags) flags() []cli.Flag {
	offline := boolFlag("offline", &f.offline, "use only the cache, the program itself and local places")
	plain := boolFlag("plain-http", &f.plainHTTP, "speak http, without encryption, to registries; those on this machine always get that")
	offline.Category, plain.Category = zooSection, zooSection
	return []cli.Flag{
		&cli.StringSliceFlag{
			Name: "zoo", Destination: &f.places, EnvVars: []string{"BEITZOO_ZOO"}, Category: zooSection,
			Usage: "a `PLACE` that publishes weights: a folder, its web address, oci://host/repository, or a bundle",
		},
		&cli.StringSliceFlag{
			Name: "trust", Destination: &f.keys, EnvVars: []string{"BEITZOO_TRUST"}, Category: zooSection,
			Usage: "a minisign public `KEY`, or a file with one, that may sign for the places; needed once for each place",
		},
		offline,
		plain,
		&cli.StringFlag{Name: "rate-limit", Destination: &f.rateLimit, Category: zooSection, Usage: "fetch at most this many `BYTES` a second, such as 5MB"},
		&cli.StringFlag{Name: "token-for", Destination: &f.tokenFor, Category: zooSection, Usage: "send the token in BEITZOO_TOKEN to this `HOST`, and to no other"},
	}
}

// network returns how servers are contacted: logins, limits and retries. Registries use the logins of docker and podman.
func (f zooFlags) network(c *console) (place.Options, error) {
	options := place.Options{Retry: retryNotices(c)}
	options.Registry.PlainHTTP = f.plainHTTP
	netrc, err := httpstore.Netrc()
	if err != nil {
		return options, err
	}
	options.HTTP.Credentials = httpstore.First(httpstore.Bearer(f.tokenFor, os.Getenv("BEITZOO_TOKEN")), netrc)
	if f.rateLimit != "" {
		rate, err := humanize.ParseBytes(f.rateLimit)
		if err != nil || rate == 0 || rate > math.MaxInt64 {
			return options, &usageError{fmt.Sprintf("--rate-limit %s is not a number of bytes", text.Quote(f.rateLimit)), "try --rate-limit 5MB"}
		}
		options.HTTP.Limiter = store.NewLimiter(int64(rate))
		options.Registry.Limiter = options.HTTP.Limiter
	}
	return options, nil
}

// retryNotices returns options with which the user is told of each request that is repeated.
func retryNotices(c *console) retry.Options {
	return retry.Options{Notice: func(problem error, wait time.Duration) {
		c.remark(fmt.Sprintf("%s; trying again in %s", problem, wait.Round(time.Second)))
	}}
}
