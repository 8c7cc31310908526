package zoo

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// Found is a manifest and where it was found.
type Found struct {
	*manifest.Document
	// Place has the entry; nil where the manifest is inside the program or was given by the user.
	Place Place
	// Signature of the manifest, where Place is not nil.
	Signature []byte
	// Notices are what the user should be told about how it was found: a key that was pinned, a place that did not answer.
	Notices []error
}

// Given is a manifest that the user names as a file.
func Given(document *manifest.Document) *Found { return &Found{Document: document} }

// PinnedKeyNotice tells that a key was not known for a place before.
type PinnedKeyNotice struct {
	Place string
	KeyID uint64
}

func (n *PinnedKeyNotice) Error() string {
	return "from now on " + n.Place + " is trusted when it is signed by the key " + manifest.KeyID(n.KeyID)
}

// Listing is a line of the list of what there is.
type Listing struct {
	manifest.Reference
	Title string
	// Digest of the manifest.
	Digest digest.Digest
	// Place is where it is published, or empty for what is inside the program.
	Place string

	entry *manifest.Entry
	place Place
	keys  manifest.Keyring
}

// List gives all entries of the program and of the places, by name and version. Places that fail are left out and reported as notices,
// unless they tried to deceive: then the error says how.
func (z *Zoo) List(ctx context.Context) (all []Listing, notices []error, err error) {
	for _, document := range z.embedded {
		all = append(all, Listing{Reference: document.Reference(), Title: document.Title, Digest: document.Digest()})
	}
	for _, place := range z.options.Places {
		listed, noticed, err := z.listPlace(ctx, place)
		if err != nil && (deceives(err) || ctx.Err() != nil) {
			return nil, nil, err
		}
		if err != nil {
			noticed = append(noticed, err)
		}
		all, notices = append(all, listed...), append(notices, noticed...)
	}
	return sorted(all), notices, nil
}

func (z *Zoo) listPlace(ctx context.Context, place Place) (all []Listing, notices []error, err error) {
	accepted, err := z.index(ctx, place)
	if err != nil || accepted == nil {
		return nil, nil, err
	}
	if accepted.pinned != nil {
		notices = append(notices, accepted.pinned)
	}
	for _, entry := range accepted.Entries {
		all = append(all, Listing{
			Reference: entry.Reference(), Title: entry.Title, Digest: entry.Digest, Place: place.String(),
			entry: &entry, place: place, keys: accepted.keys,
		})
	}
	return all, notices, nil
}

// deceives tells a place that fails from one that lies.
func deceives(err error) bool {
	var signature *manifest.SignatureError
	var index *manifest.IndexError
	var malformed *manifest.Error
	return errors.As(err, &signature) || errors.As(err, &index) || errors.As(err, &malformed)
}

// Resolve finds the manifest of "name" or "name@version"; without a version the latest release. Of several places with the same version the
// first counts, and the program comes last: its entries have no canonical blobs. The error of an unknown name is a *manifest.NotFoundError.
func (z *Zoo) Resolve(ctx context.Context, reference string) (*Found, error) {
	wanted, err := manifest.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	all, notices, err := z.List(ctx)
	if err != nil {
		return nil, err
	}
	all = append(published(all, true), published(all, false)...)
	choices := make([]manifest.Reference, len(all))
	for i, listing := range all {
		choices[i] = listing.Reference
	}
	at, err := manifest.Pick(wanted, choices)
	if err != nil {
		return nil, errors.Join(append([]error{err}, notices...)...)
	}
	found, err := z.open(ctx, all[at])
	if err != nil {
		return nil, err
	}
	found.Notices = notices
	return found, nil
}

// published gives the entries of places, or those of the program.
func published(all []Listing, ofPlaces bool) []Listing {
	var some []Listing
	for _, listing := range all {
		if (listing.place != nil) == ofPlaces {
			some = append(some, listing)
		}
	}
	return some
}

// open gets the manifest of a listing.
func (z *Zoo) open(ctx context.Context, listing Listing) (*Found, error) {
	if listing.place != nil {
		return z.document(ctx, listing.place, *listing.entry, listing.keys)
	}
	for _, document := range z.embedded {
		if document.Reference() == listing.Reference {
			return &Found{Document: document}, nil
		}
	}
	return nil, &manifest.NotFoundError{Wanted: listing.Reference}
}
