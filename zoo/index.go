package zoo

import (
	"context"
	"errors"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// verifiedIndex is an index that passed all checks, and the keys that may sign its manifests.
type verifiedIndex struct {
	*manifest.IndexDocument
	signature []byte
	keys      trust.Keyring
	// pinned is what to tell the user if the key was not known before, else nil.
	pinned *PinnedKeyNotice
}

// index returns the verified index of a place, or nil if it is a bundle without one. A place without one is an *EmptyPlaceError. If Options.Offline is set
// and the place needs a network, the result is the index that was accepted last, or the error an *OfflineError.
func (z *Zoo) index(ctx context.Context, from place.Place) (*verifiedIndex, error) {
	if z.options.Offline && !from.Local() {
		remembered, err := z.rememberedIndex(from)
		if err == nil && remembered == nil {
			err = &OfflineError{What: "its index"}
		}
		return remembered, err
	}
	raw, signature, err := from.Index(ctx)
	archive, isArchive := from.(place.Archive)
	switch {
	case errors.Is(err, store.ErrNotFound) && isArchive:
		return nil, nil // the bundle has upstream checkpoints only
	case errors.Is(err, store.ErrNotFound):
		if rolledBack := z.checkNeverPublished(from); rolledBack != nil {
			return nil, rolledBack
		}
		return nil, &EmptyPlaceError{Place: from.String(), Local: from.Local(), Err: err}
	case err != nil:
		return nil, err
	case isArchive:
		return z.archivedIndex(archive, raw, signature)
	}
	accepted, err := z.trust.Accept(from.String(), raw, signature, z.options.Keys, z.options.Now())
	if errors.Is(err, trust.ErrBadSignature) { // the index may have been replaced between the reading of the two files
		if raw, signature, err = from.Index(ctx); err == nil {
			accepted, err = z.trust.Accept(from.String(), raw, signature, z.options.Keys, z.options.Now())
		}
	}
	if err != nil {
		return nil, err
	}
	index := &verifiedIndex{IndexDocument: accepted.IndexDocument, signature: signature, keys: trust.Keyring{accepted.Key}}
	if accepted.Pinned {
		index.pinned = &PinnedKeyNotice{Place: from.String(), KeyID: accepted.Key.ID()}
	}
	return index, nil
}

// archivedIndex checks the index in a bundle. The user chose this file, so the index may be old; but it must be signed by a key that is pinned
// for the place it comes from, or by one of Options.Keys.
func (z *Zoo) archivedIndex(archive place.Archive, raw, signature []byte) (*verifiedIndex, error) {
	pinned, err := z.trust.Keys(archive.String())
	if err != nil {
		return nil, err
	}
	key, err := append(pinned, z.options.Keys...).Check("index in "+archive.String(), raw, signature)
	if err != nil {
		return nil, err
	}
	document, err := manifest.ParseIndex("index in "+archive.String(), raw)
	return &verifiedIndex{IndexDocument: document, signature: signature, keys: trust.Keyring{key}}, err
}

// rememberedIndex returns the index that was last accepted from a place, or nil.
func (z *Zoo) rememberedIndex(from place.Place) (*verifiedIndex, error) {
	latest, err := z.trust.Latest(from.String())
	if err != nil || latest == nil {
		return nil, err
	}
	keys, err := z.trust.Keys(from.String())
	return &verifiedIndex{IndexDocument: latest, keys: keys}, err
}

// checkNeverPublished returns an error if a place that has no index now had one before.
func (z *Zoo) checkNeverPublished(at place.Place) error {
	latest, err := z.trust.Latest(at.String())
	if err != nil || latest == nil {
		return err
	}
	return &manifest.IndexError{Place: at.String(), Kind: manifest.ErrRollback, Text: "an index was seen there before, and now there is none"}
}

// readEntry fetches the manifest of an entry, and checks it and its signature.
func (z *Zoo) readEntry(ctx context.Context, from place.Place, entry manifest.Entry, keys trust.Keyring) (*Match, error) {
	name := entry.Reference().String()
	content := manifest.Content{Digest: entry.Digest, Size: entry.Size}
	raw, err := z.readSmall(ctx, from, place.ContentBlob(content, name+".yaml"), manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	signature, err := z.readSmall(ctx, from, place.ContentBlob(entry.Signature, name+".yaml"+manifest.SignatureSuffix), manifest.MaxSignature)
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
	return &Match{Entry: place.Entry{Document: document, Signature: signature}, Place: from}, nil
}

// readSmall reads a blob of a place into memory, verified, and leaves a copy in the cache if that can be written to.
func (z *Zoo) readSmall(ctx context.Context, from place.Place, blob store.Blob, limit int64) ([]byte, error) {
	sources := store.Mirrors{z.options.Cache}
	if !z.options.Offline || from.Local() {
		sources = append(sources, from.Blobs())
		if _, err := store.Copy(ctx, from.Blobs(), z.options.Cache, blob, store.Options{}); err != nil && !errors.Is(err, store.ErrReadOnly) {
			return nil, err
		}
	}
	return store.Read(ctx, sources, blob, limit)
}

// MislabelledError says that the name or version of a manifest is not the one that the index lists it under.
type MislabelledError struct{ Wanted, Got manifest.Reference }

func (e *MislabelledError) Error() string {
	return "the index lists a manifest as " + e.Wanted.String() + ", but the manifest itself says " + e.Got.String()
}

// Is makes a MislabelledError an errdef.ErrInput.
func (*MislabelledError) Is(kind error) bool { return kind == errdef.ErrInput }
