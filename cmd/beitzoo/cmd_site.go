package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/site"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func siteCommand(c *console) *cli.Command {
	var f zooFlags
	var address string
	return &cli.Command{
		Name:      "site",
		Usage:     "write web pages that describe the weights of the zoo",
		ArgsUsage: "FOLDER",
		Description: about("FOLDER/index.html lists the entries of the places of --zoo, or without --zoo those that ship with the program. The pages need no server, and load\n"+
			"nothing from elsewhere. Their commands name the place as --zoo does; --address says under which name readers reach it. A folder to which beitzoo\n"+
			"publishes has such pages already.",
			"beitzoo site public/ --zoo zoo/ --trust key.pub --address https://example.org/zoo",
			"beitzoo site public/",
		),
		Flags: c.flags([]cli.Flag{
			stringFlag("address", &address, "the `ADDRESS` at which readers find the place of --zoo, for the commands on the pages"),
		}, f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return renderSite(ctx, c, args[0], address, f) }),
	}
}

// siteResult is what `beitzoo site --json` prints.
type siteResult struct {
	Folder  string `json:"folder"`
	Index   string `json:"index"`
	Entries int    `json:"entries"`
}

func renderSite(ctx context.Context, c *console, folder, address string, f zooFlags) error {
	addresses, err := f.siteAddresses(ctx, c, address)
	if err != nil {
		return err
	}
	z, all, err := listZoo(ctx, c, f)
	if err != nil {
		return err
	}
	entries, err := siteEntries(ctx, c, z, all, addresses)
	if err != nil {
		return err
	}
	if err := site.Write(ctx, folder, entries); err != nil {
		return err
	}
	result := siteResult{Folder: folder, Index: filepath.Join(folder, "index.html"), Entries: len(entries)}
	return c.result(result, func() { c.printf("%s shows %s", result.Index, text.Count(len(entries), "entry", "entries")) })
}

// siteAddresses returns the address with which a reader names each place of --zoo, by the name of the place: the one of --address, if there is one,
// else the one of --zoo, a path in full.
func (f zooFlags) siteAddresses(ctx context.Context, c *console, address string) (map[string]string, error) {
	given := words(f.places)
	if address != "" && len(given) != 1 {
		return nil, &usageError{"--address is that of one place, so there must be one --zoo", "add: --zoo PLACE"}
	}
	if address != "" && !strings.Contains(address, "://") && !path.IsAbs(address) && !filepath.IsAbs(address) {
		return nil, &usageError{
			fmt.Sprintf("--address %s is neither a web address nor a full path", text.Quote(address)),
			"write it as in: --address https://example.org/zoo, oci://HOST/REPOSITORY or /srv/zoo",
		}
	}
	network, err := f.network(c)
	if err != nil {
		return nil, err
	}
	if strings.Contains(address, "://") { // a path may be one of another machine
		if _, _, err := place.Open(ctx, address, network); err != nil {
			return nil, err
		}
	}
	addresses := map[string]string{}
	for _, name := range given {
		at, closer, err := place.Open(ctx, name, network)
		if err != nil {
			return nil, err
		}
		shown := address
		if shown == "" {
			shown = name
			if !strings.Contains(name, "://") {
				if shown, err = filepath.Abs(name); err != nil {
					return nil, err
				}
				c.remark("the commands on the pages name " + shown + ", which only this machine has; --address says where readers find it")
			}
		}
		if _, known := addresses[at.String()]; !known {
			addresses[at.String()] = shown
		}
		if err := closer.Close(); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}

// siteEntries reads the manifests of listings. With places, those that ship with the program are left out. So are those that no valid key has signed, which is said.
func siteEntries(ctx context.Context, c *console, z *zoo.Zoo, all []zoo.Listing, addresses map[string]string) ([]site.Entry, error) {
	if len(addresses) > 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(listing zoo.Listing) bool { return listing.Place == "" })
	}
	var entries []site.Entry
	seen := map[manifest.Reference]bool{}
	for _, listing := range all {
		if seen[listing.Reference] {
			continue
		}
		if listing.Absent {
			c.remark(fmt.Errorf("%s is left out: the index of %s lists it, but it is not held there", listing.Reference, listing.Place))
			continue
		}
		seen[listing.Reference] = true
		found, err := z.Read(ctx, listing)
		if errors.Is(err, trust.ErrRevokedKey) || errors.Is(err, trust.ErrUnknownKey) {
			c.remark(fmt.Errorf("%s is left out, since nobody can pull it: %w", listing.Reference, err))
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, site.Entry{
			Document: found.Document, Status: found.Status, Place: addresses[listing.Place], Key: listing.Key, SignedBy: found.SignedBy,
		})
	}
	return entries, nil
}
