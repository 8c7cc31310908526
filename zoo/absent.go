package zoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// AbsentError says that the index of a place lists an entry that the place does not hold: bundles and mirrors have the whole index, but may have only some
// of its entries.
type AbsentError struct {
	Reference manifest.Reference
	// Place is the name of the place, for a bundle that of the place that it was made from.
	Place string
	// Archived reports that the place is a bundle.
	Archived bool
	// Held are the entries of that name that the place holds.
	Held []manifest.Reference
	// Instead is the entry that was taken because no version was asked for and this one is absent; the zero value if none was.
	Instead manifest.Reference
}

func (e *AbsentError) Error() string {
	said := fmt.Sprintf("the index of %s lists %s, but %s does not hold it", e.Place, e.Reference, e.holder())
	if e.Instead.Name != "" {
		said = e.Instead.String() + " is taken: " + said
		if e.Archived {
			said += "; " + e.Place + ", from which the bundle was made, may have it"
		}
	}
	return said
}

func (e *AbsentError) holder() string {
	if e.Archived {
		return "this bundle"
	}
	return "this copy"
}

// Is makes an AbsentError an errdef.ErrNetwork and a store.ErrNotFound.
func (*AbsentError) Is(kind error) bool {
	return kind == errdef.ErrNetwork || kind == store.ErrNotFound
}

// Hint says which versions are there, and where the entry may be.
func (e *AbsentError) Hint() string {
	where := "it can be had where this copy was made from"
	if e.Archived {
		where = "it can be had from " + e.Place + ", or from a bundle made with it"
	}
	var held []string
	for _, reference := range e.Held {
		held = append(held, reference.String())
	}
	if len(held) == 0 {
		return where
	}
	return where + "; " + e.holder() + " holds " + strings.Join(held, ", ")
}

// NoEntriesError says that a bundle has no index and so no entries of a place: it carries upstream checkpoints for models whose manifests ship with the program.
type NoEntriesError struct{ Place string }

func (e *NoEntriesError) Error() string {
	return e.Place + " has no index: it carries upstream checkpoints for models whose manifests ship with the program, not entries of a place, so there is nothing to mirror"
}

// Is makes a NoEntriesError an errdef.ErrUsage and a store.ErrNotFound.
func (*NoEntriesError) Is(kind error) bool {
	return kind == errdef.ErrUsage || kind == store.ErrNotFound
}

// Hint says what such a bundle is for.
func (*NoEntriesError) Hint() string {
	return "pull its models from it by their names; to have them in a place, publish them there"
}

// holds reports whether a place has the manifest of an entry. If that cannot be found out, reading the manifest will say why.
func holds(ctx context.Context, from place.Place, entry manifest.Entry) bool {
	content := manifest.Content{Digest: entry.Digest, Size: entry.Size}
	_, err := from.Blobs().Stat(ctx, place.ContentBlob(content, entry.Reference().String()+".yaml"))
	return !errors.Is(err, store.ErrNotFound)
}

// markAbsent asks the places of some of the listings whether they hold the entries.
func markAbsent(ctx context.Context, all []Listing, asked func(Listing) bool) {
	for i, listing := range all {
		if asked(listing) {
			all[i].Absent = !holds(ctx, listing.place, *listing.entry)
		}
	}
}

// isLocal reports whether the place of a listing is on this machine, and could be asked. The program is not a place.
func isLocal(listing Listing) bool {
	return listing.place != nil && listing.place.Local() && !listing.remembered
}

// absentError returns the error for a listing that its place does not hold.
func absentError(listing Listing, all []Listing) *AbsentError {
	_, archived := listing.place.(place.Archive)
	absent := &AbsentError{Reference: listing.Reference, Place: listing.Place, Archived: archived}
	for _, other := range all {
		if other.Name == listing.Name && other.place == listing.place && !other.Absent {
			absent.Held = append(absent.Held, other.Reference)
		}
	}
	return absent
}

// heldOf returns the listings without those that are absent.
func heldOf(all []Listing) []Listing {
	return slices.DeleteFunc(slices.Clone(all), func(listing Listing) bool { return listing.Absent })
}

// pick is manifest.Pick for listings.
func pick(wanted manifest.Reference, all []Listing) (int, error) {
	choices := make([]manifest.Option, len(all))
	for i, listing := range all {
		choices[i] = manifest.Option{Reference: listing.Reference, Status: listing.Status}
	}
	return manifest.Pick(wanted, choices)
}
