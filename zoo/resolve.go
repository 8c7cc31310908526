package zoo

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// Match is a manifest and where it was found.
type Match struct {
	// Entry has no signature if Place is nil.
	place.Entry
	// Place has the entry; nil if the manifest is inside the program or was given by the user.
	Place place.Place
	// Notices are what the user should be told about how it was found: a key that was pinned, a place that did not answer.
	Notices []error
}

// MatchOf returns a Match of a manifest that no place has, such as a file of the user.
func MatchOf(document *manifest.Document) *Match {
	return &Match{Entry: place.Entry{Document: document}}
}

// PinnedKeyNotice says that a key was not known for a place before and is pinned from now on. It is an error so that it can be among notices.
type PinnedKeyNotice struct {
	Place string
	KeyID uint64
}

func (n *PinnedKeyNotice) Error() string {
	return "from now on " + n.Place + " is trusted when it is signed by the key " + trust.KeyID(n.KeyID)
}

// Is makes a PinnedKeyNotice an errdef.ErrInput.
func (*PinnedKeyNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// Listing is a line of the list of what there is.
type Listing struct {
	manifest.Reference
	Title string
	// Digest of the manifest.
	Digest digest.Digest
	// Place is where it is published, or empty for what is inside the program.
	Place string

	entry *manifest.Entry
	place place.Place
	keys  trust.Keyring
}

// List returns all entries of the program and of the places, by name and version. Places that fail are left out and reported as notices. A place
// that serves something false (see isDeception) is an error.
func (z *Zoo) List(ctx context.Context) (all []Listing, notices []error, err error) {
	for _, document := range z.embedded {
		all = append(all, Listing{Reference: document.Reference(), Title: document.Title, Digest: document.Digest()})
	}
	for _, place := range z.options.Places {
		listed, noticed, err := z.listPlace(ctx, place)
		if err != nil && (isDeception(err) || ctx.Err() != nil) {
			return nil, nil, err
		}
		if err != nil {
			noticed = append(noticed, err)
		}
		all, notices = append(all, listed...), append(notices, noticed...)
	}
	return sortListings(all), notices, nil
}

func (z *Zoo) listPlace(ctx context.Context, from place.Place) (all []Listing, notices []error, err error) {
	accepted, err := z.index(ctx, from)
	if err != nil || accepted == nil {
		return nil, nil, err
	}
	if accepted.pinned != nil {
		notices = append(notices, accepted.pinned)
	}
	for _, entry := range accepted.Entries {
		all = append(all, Listing{
			Reference: entry.Reference(), Title: entry.Title, Digest: entry.Digest, Place: from.String(),
			entry: &entry, place: from, keys: accepted.keys,
		})
	}
	return all, notices, nil
}

// isDeception reports whether err says that a place served something false or forged, not just that it failed.
func isDeception(err error) bool {
	var signature *trust.SignatureError
	var index *manifest.IndexError
	var malformed *manifest.Error
	return errors.As(err, &signature) || errors.As(err, &index) || errors.As(err, &malformed)
}

// Resolve finds the manifest of "name" or "name@version"; without a version the latest release. If several places have that version, the
// first is used, and the program is the last choice: its entries have no canonical blobs. The error of an unknown name is a *manifest.NotFoundError.
func (z *Zoo) Resolve(ctx context.Context, reference string) (*Match, error) {
	wanted, err := manifest.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	all, notices, err := z.List(ctx)
	if err != nil {
		return nil, err
	}
	all = append(listingsOf(all, true), listingsOf(all, false)...)
	choices := make([]manifest.Reference, len(all))
	for i, listing := range all {
		choices[i] = listing.Reference
	}
	at, err := manifest.Pick(wanted, choices)
	if err != nil {
		return nil, errors.Join(append([]error{err}, notices...)...)
	}
	match, err := z.open(ctx, all[at])
	if err != nil {
		return nil, err
	}
	match.Notices = notices
	return match, nil
}

// listingsOf returns the entries of places, or those of the program.
func listingsOf(all []Listing, ofPlaces bool) []Listing {
	var some []Listing
	for _, listing := range all {
		if (listing.place != nil) == ofPlaces {
			some = append(some, listing)
		}
	}
	return some
}

// open returns the manifest of a listing.
func (z *Zoo) open(ctx context.Context, listing Listing) (*Match, error) {
	if listing.place != nil {
		return z.readEntry(ctx, listing.place, *listing.entry, listing.keys)
	}
	for _, document := range z.embedded {
		if document.Reference() == listing.Reference {
			return MatchOf(document), nil
		}
	}
	return nil, &manifest.NotFoundError{Wanted: listing.Reference}
}
