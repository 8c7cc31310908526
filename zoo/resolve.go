package zoo

import (
	"cmp"
	"context"
	"errors"
	"slices"

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
	// Place has the entry. It is nil if the manifest is inside the program or is a file of the user.
	Place place.Place
	// Notices are what the user should be told: a key that was pinned, a place that did not answer.
	Notices []error
}

// MatchOf returns a Match of a manifest that no place has, such as a file of the user.
func MatchOf(document *manifest.Document) *Match {
	return &Match{Entry: place.Entry{Document: document}}
}

// PinnedKeyNotice says that a key was not known for a place before, and is pinned from now on. It is an error only to stand among the notices.
type PinnedKeyNotice struct {
	Place string
	KeyID uint64
}

func (n *PinnedKeyNotice) Error() string {
	return "from now on the index of " + n.Place + " is accepted if it is signed by the key " + trust.KeyID(n.KeyID)
}

// Is makes a PinnedKeyNotice an errdef.ErrInput.
func (*PinnedKeyNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// Listing is one version of a set of weights that List found.
type Listing struct {
	manifest.Reference
	// Title says in one line what the weights are.
	Title string
	// Digest is that of the manifest.
	Digest digest.Digest
	// Place is where it is published, or empty for what is inside the program.
	Place string

	entry *manifest.Entry
	place place.Place
	keys  trust.Keyring
}

// List returns all entries of the program and of the places, sorted by name and version. A place that does not answer is left out and reported as
// a notice. A place that serves something forged or malformed is an error: *trust.SignatureError, *manifest.IndexError or *manifest.Error.
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
	slices.SortStableFunc(all, func(a, b Listing) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), manifest.CompareVersions(a.Version, b.Version))
	})
	return all, notices, nil
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

// Resolve finds the manifest of "name" or "name@version"; without a version the latest release. If several places have that version, the first
// of Options.Places is used. The program comes last, because its entries have no canonical blobs. An unknown name
// is a *manifest.NotFoundError, joined after the errors of places that did not answer; other errors are those of List.
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
		return nil, errors.Join(append(failuresOf(notices), err)...)
	}
	match, err := z.open(ctx, all[at])
	if err != nil {
		return nil, err
	}
	match.Notices = notices
	return match, nil
}

// failuresOf returns the notices that say why a place was left out: an entry that was not found may be there.
func failuresOf(notices []error) []error {
	return slices.DeleteFunc(slices.Clone(notices), func(notice error) bool {
		var pinned *PinnedKeyNotice
		return errors.As(notice, &pinned)
	})
}

// listingsOf returns the entries of places if ofPlaces is set, else those of the program.
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
