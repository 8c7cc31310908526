package zoo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"aead.dev/minisign"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// Match is a manifest and where it was found.
type Match struct {
	// Entry has no signature if Place is nil.
	place.Entry
	// Place has the entry. It is nil if the manifest is inside the program or is a file of the user.
	Place place.Place
	// Status is what the publisher said about the entry after it was published, or nil.
	Status *manifest.Status
	// SignedBy is the number of the key that signed the manifest, as the minisign tool prints it, or empty. It may have signed later than Signature
	// was made.
	SignedBy string
	// Notices are what the user should be told: a key that was pinned, a place that did not answer, a status.
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
	// HasList reports that the index has a list of keys, each of which may sign it.
	HasList bool
}

func (n *PinnedKeyNotice) Error() string {
	said := "from now on the index of " + n.Place + " is accepted if it is signed by the key " + trust.KeyID(n.KeyID)
	if n.HasList {
		said += ", or by another in its list of keys"
	}
	return said
}

// Is makes a PinnedKeyNotice an errdef.ErrInput.
func (*PinnedKeyNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// StatusNotice says that an entry is deprecated or withdrawn. It is an error only to stand among the notices.
type StatusNotice struct {
	Reference manifest.Reference
	Status    manifest.Status
	// Instead is the entry that was taken because no version was asked for and this one is withdrawn; the zero value if this one was taken.
	Instead manifest.Reference
}

func (n *StatusNotice) Error() string {
	if n.Instead.Name != "" {
		return fmt.Sprintf("%s is taken, because %s is %s", n.Instead, n.Reference, &n.Status)
	}
	return fmt.Sprintf("%s is %s", n.Reference, &n.Status)
}

// Is makes a StatusNotice an errdef.ErrInput.
func (*StatusNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// ChangedKeysNotice says that the list of keys of a place was changed, by its roots, since it was last seen. It is an error only to stand among the notices.
type ChangedKeysNotice struct {
	Place   string
	Changes []manifest.KeyChange
}

func (n *ChangedKeysNotice) Error() string {
	var said []string
	id := func(shown string) string {
		var key minisign.PublicKey
		if key.UnmarshalText([]byte(shown)) != nil {
			return "?"
		}
		return trust.KeyID(key.ID())
	}
	for _, change := range n.Changes {
		for _, added := range change.Add {
			said = append(said, fmt.Sprintf("%s added as %s", id(added.Key), added.Role))
		}
		for _, removed := range change.Remove {
			said = append(said, fmt.Sprintf("%s %s (%s)", id(removed.Key), removed.State, removed.Reason))
		}
	}
	return "the keys of " + n.Place + " have changed: " + strings.Join(said, ", ")
}

// Is makes a ChangedKeysNotice an errdef.ErrInput.
func (*ChangedKeysNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// Listing is one version of a set of weights that List found.
type Listing struct {
	manifest.Reference
	// Title says in one line what the weights are.
	Title string
	// Digest is that of the manifest.
	Digest digest.Digest
	// Place is where it is published, or empty for what is inside the program.
	Place string
	// Embedded says that the program has the weights as well, not just the manifest.
	Embedded bool
	// Status is what the publisher said about the entry after it was published, or nil. If one place says that an entry is withdrawn, that holds for
	// all places that have the same manifest: a mirror may be behind.
	Status *manifest.Status
	// Key is a public key, in minisign's form, with which somebody who does not know the place yet can check its index; empty if Place is.
	Key string

	// Refused says why nobody can pull the entry: no valid key has signed its manifest, since the one that did was revoked. It is nil otherwise, and for
	// manifests that could not be fetched.
	Refused error
	// Absent says that a place on this machine lists the entry and does not hold it, such as a bundle of other entries.
	Absent bool

	entry *manifest.Entry
	place place.Place
	// remembered reports that the place could not be asked, and this is in the index that was accepted last.
	remembered bool
	keys       *trust.KeyList
}

// List returns all entries of the program and of the places, sorted by name and version. A place that could not be asked is an *UnreachablePlaceError among
// the notices, which [Unanswered] finds, one that has nothing an *EmptyPlaceError. A place that serves something forged, malformed or damaged is an error:
// *trust.SignatureError, *manifest.IndexError, *manifest.Error or *place.DamagedError.
func (z *Zoo) List(ctx context.Context) (all []Listing, notices []error, err error) {
	if all, notices, err = z.merge(ctx, z.askAll(ctx)); err != nil {
		return nil, nil, err
	}
	markAbsent(ctx, all, isLocal)
	for i := range all {
		if all[i].Absent || all[i].keys == nil || !all[i].keys.HasRevoked() {
			continue // the index vouches for its entries, and their manifests need not be fetched
		}
		var refused *trust.SignatureError
		if _, err := z.Read(store.Once(ctx), all[i]); errors.As(err, &refused) {
			all[i].Refused = refused
		}
	}
	return all, notices, nil
}

// merge returns the entries of the program and those of the answers of places, sorted.
func (z *Zoo) merge(ctx context.Context, answers []fromPlace) (all []Listing, notices []error, err error) {
	for _, document := range z.embedded {
		embedded := slices.ContainsFunc(document.Sources, func(source manifest.Source) bool { return strings.HasPrefix(source.Address, manifest.EmbeddedScheme) })
		all = append(all, Listing{Reference: document.Reference(), Title: document.Title, Digest: document.Digest(), Embedded: embedded})
	}
	for _, answer := range answers {
		if answer.err != nil {
			return nil, nil, answer.err
		}
		all, notices = append(all, answer.listed...), append(notices, answer.notices...)
	}
	if ctx.Err() != nil {
		return nil, nil, store.Ended(ctx, "the places", errors.Join(notices...))
	}
	slices.SortStableFunc(all, func(a, b Listing) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), manifest.CompareVersions(a.Version, b.Version))
	})
	spreadWithdrawals(all)
	return all, notices, nil
}

// keyFor returns the key of a place that new readers should trust, or "".
func keyFor(keys *trust.KeyList) string {
	key, found := keys.Anchor()
	if !found {
		return ""
	}
	return key.String()
}

// spreadWithdrawals gives the status of a withdrawn entry to those of other places that have the same manifest.
func spreadWithdrawals(all []Listing) {
	withdrawn := map[digest.Digest]*manifest.Status{}
	for _, listing := range all {
		if listing.Status.IsWithdrawn() {
			withdrawn[listing.Digest] = listing.Status
		}
	}
	for i, listing := range all {
		if status := withdrawn[listing.Digest]; status != nil && !listing.Status.IsWithdrawn() {
			all[i].Status = status
		}
	}
}

func (z *Zoo) listPlace(ctx context.Context, from place.Place) (all []Listing, notices []error, err error) {
	accepted, err := z.index(ctx, from)
	if err != nil || accepted == nil {
		return nil, nil, err
	}
	if accepted.notice != nil {
		notices = append(notices, accepted.notice)
	}
	if z.options.Offline && !from.Local() && accepted.CheckFresh(from.String(), z.options.Now()) != nil {
		notices = append(notices, &UnreachablePlaceError{Place: from.String(), Remembered: accepted.IndexDocument})
	}
	return listingsIn(accepted, from), notices, nil
}

// listingsIn returns the entries of an index.
func listingsIn(index *verifiedIndex, from place.Place) []Listing {
	var all []Listing
	for _, entry := range index.Entries {
		status := entry.Status
		if index.later != nil {
			status = index.later.StatusOf(entry.Reference())
		}
		all = append(all, Listing{
			Reference: entry.Reference(), Title: entry.Title, Digest: entry.Digest, Place: from.String(), Status: status, Key: keyFor(index.keys),
			entry: &entry, place: from, keys: index.keys,
		})
	}
	return all
}

// isDeception reports whether err says that a place served something false, forged or damaged, not just that it failed.
func isDeception(err error) bool {
	var signature *trust.SignatureError
	var index *manifest.IndexError
	var malformed *manifest.Error
	var damaged *place.DamagedError
	return errors.As(err, &signature) || errors.As(err, &index) || errors.As(err, &malformed) || errors.As(err, &damaged)
}

// Resolve finds the manifest of "name" or "name@version"; without a version the latest release. If several places have that version, the first
// of Options.Places is used. The program comes last, because its entries have no canonical blobs. A withdrawn entry is found only by its version, and
// then a *StatusNotice is among the notices; if there is no other, the error is a *manifest.WithdrawnError.
//
// Every place is asked, but for one that does not answer Resolve waits only if the name is not known without it: in the program, in another place, or
// in the index that was accepted from that place before. An unknown name is a *manifest.NotFoundError if all places could be asked, else an
// *UnansweredError; other errors are those of List.
func (z *Zoo) Resolve(ctx context.Context, reference string) (*Match, error) {
	wanted, err := manifest.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	all, notices, err := z.merge(ctx, z.askQuickly(ctx))
	if err != nil {
		return nil, err
	}
	match, err := z.choose(ctx, wanted, all, notices)
	if err != nil && hasTemporary(notices) && ctx.Err() == nil && errors.Is(errdef.Kind(err), errdef.ErrNetwork) {
		if all, notices, err = z.merge(ctx, z.askAll(ctx)); err != nil {
			return nil, err
		}
		return z.choose(ctx, wanted, all, notices)
	}
	return match, err
}

// choose picks an entry of those that are listed, and reads its manifest. If its place does not hold that, or that of a remembered entry is not in the
// cache, another is picked.
func (z *Zoo) choose(ctx context.Context, wanted manifest.Reference, all []Listing, notices []error) (*Match, error) {
	all = append(listingsOf(all, true), listingsOf(all, false)...)
	markAbsent(ctx, all, func(listing Listing) bool { return listing.Name == wanted.Name && isLocal(listing) })
	var unread []manifest.Reference
	for {
		// What no place holds may be in the cache: then it is used, if it is named.
		held := heldOf(all)
		at, err := pick(wanted, held)
		if err != nil {
			held = all
			at, err = pick(wanted, all)
		}
		if err != nil {
			return nil, z.notFound(wanted, notices, unread, err)
		}
		chosen := held[at]
		if chosen.Absent && wanted.Version == "" {
			return nil, absentError(chosen, all)
		}
		match, err := z.Read(ctx, chosen)
		if err != nil && errors.Is(err, store.ErrNotFound) && chosen.Absent {
			return nil, absentError(chosen, all)
		}
		if err != nil && errors.Is(err, store.ErrNotFound) && chosen.entry != nil && !chosen.remembered && !holds(ctx, chosen.place, *chosen.entry) {
			index := slices.IndexFunc(all, func(listing Listing) bool { return listing.entry == chosen.entry })
			all[index].Absent = true
			continue
		}
		if err != nil && chosen.remembered && errors.Is(errdef.Kind(err), errdef.ErrNetwork) && ctx.Err() == nil {
			all = slices.DeleteFunc(all, func(listing Listing) bool { return listing.entry == chosen.entry })
			unread = append(unread, chosen.Reference)
			continue
		}
		if err != nil {
			return nil, err
		}
		match.Notices = append(slices.Clone(notices), statusNotices(wanted, all, chosen)...)
		return match, nil
	}
}

// statusNotices returns what to say about the status of the chosen entry, and of later ones that were left out because they are withdrawn or absent.
func statusNotices(wanted manifest.Reference, all []Listing, chosen Listing) []error {
	var notices []error
	if chosen.Status != nil {
		notices = append(notices, &StatusNotice{Reference: chosen.Reference, Status: *chosen.Status})
	}
	if wanted.Version != "" {
		return notices
	}
	if at, err := pick(wanted, all); err == nil && all[at].Absent && all[at].Reference != chosen.Reference {
		absent := absentError(all[at], all)
		absent.Instead = chosen.Reference
		notices = append(notices, absent)
	}
	said := map[manifest.Reference]bool{}
	for _, listing := range all {
		later := listing.Name == chosen.Name && manifest.CompareVersions(listing.Version, chosen.Version) > 0
		if later && listing.Status.IsWithdrawn() && !said[listing.Reference] {
			said[listing.Reference] = true
			notices = append(notices, &StatusNotice{Reference: listing.Reference, Status: *listing.Status, Instead: chosen.Reference})
		}
	}
	return notices
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

// Read returns the manifest of a listing, checked as Resolve does.
func (z *Zoo) Read(ctx context.Context, listing Listing) (*Match, error) {
	if listing.remembered {
		ctx = store.Once(ctx)
	}
	if listing.place != nil {
		match, err := z.readEntry(ctx, listing.place, *listing.entry, listing.keys)
		if err != nil {
			return nil, err
		}
		match.Status = listing.Status
		return match, nil
	}
	for _, document := range z.embedded {
		if document.Reference() == listing.Reference {
			return MatchOf(document), nil
		}
	}
	return nil, &manifest.NotFoundError{Wanted: listing.Reference}
}
