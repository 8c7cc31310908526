package zoo

import (
	"context"
	"errors"
	"io"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// Place is where entries are published: an OCI registry or layout folder, a static tree, a server of one, a bundle.
type Place interface {
	// String names the place, without secrets. Keys and indexes are remembered under this name.
	String() string
	// Local tells that no network is needed.
	Local() bool
	// Index gives the files of the index and of its signature, unverified. It reports store.ErrNotFound where nothing is published.
	Index(ctx context.Context) (index, signature []byte, err error)
	// Blobs has the manifests, signatures and weights by digest.
	Blobs() store.Fetcher
}

// Publishing is a Place that can be written to.
type Publishing interface {
	Place
	// Artefacts takes the entries.
	Artefacts() ocistore.Place
	// SetIndex publishes the next state of the index. All its entries are there already. Where another of the same version is there, it reports a
	// *RaceError.
	SetIndex(ctx context.Context, index *manifest.IndexDocument, signature []byte) error
}

// verified is an index that may be believed, and the keys that sign its manifests.
type verified struct {
	*manifest.IndexDocument
	signature []byte
	keys      manifest.Keyring
	pinned    *PinnedKeyNotice
}

// index gets the verified index of a place, or nil where nothing is published there. What is accepted is remembered, and used where the network
// is off.
func (z *Zoo) index(ctx context.Context, place Place) (*verified, error) {
	if z.options.Offline && !place.Local() {
		return z.remembered(place)
	}
	raw, signature, err := place.Index(ctx)
	archive, isArchive := place.(Archive)
	if errors.Is(err, store.ErrNotFound) && isArchive {
		return nil, nil // it has upstream checkpoints alone
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, z.withheld(place)
	}
	if err != nil {
		return nil, err
	}
	if isArchive {
		return z.snapshot(archive, raw, signature)
	}
	accepted, err := z.trust.Accept(place.String(), raw, signature, z.options.Keys, z.options.Now())
	if errors.Is(err, manifest.ErrBadSignature) { // it may have been replaced between the two files
		if raw, signature, err = place.Index(ctx); err == nil {
			accepted, err = z.trust.Accept(place.String(), raw, signature, z.options.Keys, z.options.Now())
		}
	}
	if err != nil {
		return nil, err
	}
	v := &verified{IndexDocument: accepted.IndexDocument, signature: signature, keys: manifest.Keyring{accepted.Key}}
	if accepted.Pinned {
		v.pinned = &PinnedKeyNotice{Place: place.String(), KeyID: accepted.Key.ID()}
	}
	return v, nil
}

// snapshot checks the index in a bundle. The user chose this very file, so it may be old; it must only be signed by a key that is pinned for the
// place it comes from, or one that the user said to trust.
func (z *Zoo) snapshot(archive Archive, raw, signature []byte) (*verified, error) {
	pinned, err := z.trust.Keys(archive.String())
	if err != nil {
		return nil, err
	}
	key, err := append(pinned, z.options.Keys...).Check("index in "+archive.String(), raw, signature)
	if err != nil {
		return nil, err
	}
	document, err := manifest.ParseIndex("index in "+archive.String(), raw)
	return &verified{IndexDocument: document, signature: signature, keys: manifest.Keyring{key}}, err
}

// remembered is the index that a place had when it was last asked.
func (z *Zoo) remembered(place Place) (*verified, error) {
	latest, err := z.trust.Latest(place.String())
	if err != nil || latest == nil {
		return nil, err
	}
	keys, err := z.trust.Keys(place.String())
	return &verified{IndexDocument: latest, keys: keys}, err
}

// withheld reports a place that had an index once and has none now.
func (z *Zoo) withheld(place Place) error {
	latest, err := z.trust.Latest(place.String())
	if err != nil || latest == nil {
		return err
	}
	return &manifest.IndexError{Place: place.String(), Kind: manifest.ErrRollback, Text: "an index was seen there, and now there is none"}
}

// small fetches a blob that fits into memory, verified. The cache keeps it, if it can.
func (z *Zoo) small(ctx context.Context, place Place, blob store.Blob, limit int64) ([]byte, error) {
	sources := store.Mirrors{z.options.Cache}
	if !z.options.Offline || place.Local() {
		sources = append(sources, place.Blobs())
		if _, err := store.Copy(ctx, place.Blobs(), z.options.Cache, blob, store.Options{}); err != nil && !errors.Is(err, store.ErrReadOnly) {
			return nil, err
		}
	}
	return readBlob(ctx, sources, blob, limit)
}

// readBlob reads a blob into memory, verified.
func readBlob(ctx context.Context, from store.Fetcher, blob store.Blob, limit int64) ([]byte, error) {
	if blob.Size < 0 || blob.Size > limit {
		return nil, &store.SizeError{Name: blob.String(), Want: limit, Got: blob.Size}
	}
	body, err := from.Fetch(ctx, blob)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(store.NewVerifier(body, blob, ""))
}

// document fetches the manifest of an entry, and checks it and its signature.
func (z *Zoo) document(ctx context.Context, place Place, entry manifest.Entry, keys manifest.Keyring) (*Found, error) {
	name := entry.Reference().String()
	raw, err := z.small(ctx, place, store.Blob{Digest: entry.Digest, Size: entry.Size, Name: name + ".yaml"}, manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	signature, err := z.small(ctx, place, contentOf(entry.Signature, name+".yaml"+manifest.SignatureSuffix), manifest.MaxSignature)
	if err != nil {
		return nil, err
	}
	if _, err := keys.Check("manifest of "+name, raw, signature); err != nil {
		return nil, err
	}
	document, err := ReadManifest(name+".yaml", raw)
	if err != nil {
		return nil, err
	}
	if document.Reference() != entry.Reference() {
		return nil, &MislabelledError{Wanted: entry.Reference(), Got: document.Reference()}
	}
	return &Found{Document: document, Place: place, Signature: signature}, nil
}

// MislabelledError says that an index calls a manifest something else than the manifest itself.
type MislabelledError struct{ Wanted, Got manifest.Reference }

func (e *MislabelledError) Error() string {
	return "the manifest of " + e.Wanted.String() + " says that it is that of " + e.Got.String()
}
