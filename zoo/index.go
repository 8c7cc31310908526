package zoo

import (
	"context"
	"errors"
	"slices"

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
	keys      *trust.KeyList
	// notice is what to tell the user about keys that were not known before, else nil.
	notice error
	// later is a later index of the same place that was accepted before, if this one is in a bundle; its statuses hold. Else it is nil.
	later *manifest.IndexDocument
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
	_, isArchive := from.(place.Archive)
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
		accepted, err := z.trust.AcceptArchived(from.String(), raw, signature, z.options.Keys)
		if err != nil {
			return nil, archived(err)
		}
		index := verified(from, accepted, signature)
		latest, err := z.trust.Latest(from.String())
		if err == nil && latest != nil && latest.Version > index.Version {
			index.later = latest
		}
		return index, err
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
	return verified(from, accepted, signature), nil
}

// archived notes in a *trust.SignatureError that what it refuses is in a bundle.
func archived(err error) error {
	var refused *trust.SignatureError
	if errors.As(err, &refused) {
		refused.Archived = true
	}
	return err
}

func verified(from place.Place, accepted trust.AcceptedIndex, signature []byte) *verifiedIndex {
	index := &verifiedIndex{IndexDocument: accepted.IndexDocument, signature: signature, keys: accepted.Keys}
	if accepted.Pinned {
		index.notice = &PinnedKeyNotice{Place: from.String(), KeyID: accepted.Key.ID(), HasList: len(accepted.Keys.Changes) > 0}
		return index
	}
	news := slices.DeleteFunc(slices.Clone(accepted.Keys.Changes[accepted.Before:]), func(change manifest.KeyChange) bool {
		return len(change.Add)+len(change.Remove) == 0 // it only renews the list
	})
	if len(news) > 0 && accepted.Before > 0 {
		index.notice = &ChangedKeysNotice{Place: from.String(), Changes: news}
	}
	return index
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
func (z *Zoo) readEntry(ctx context.Context, from place.Place, entry manifest.Entry, keys *trust.KeyList) (*Match, error) {
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
	valid := signature
	if entry.Resigned != "" {
		valid = []byte(entry.Resigned)
	}
	key, err := keys.CheckManifest("manifest of "+name, raw, valid)
	if _, isArchive := from.(place.Archive); isArchive && err != nil {
		return nil, archived(err)
	}
	if err != nil {
		return nil, err
	}
	document, err := ReadManifest(name+".yaml", raw)
	if err != nil {
		return nil, err
	}
	if document.Reference() != entry.Reference() {
		return nil, &MislabelledError{Wanted: entry.Reference(), Got: document.Reference()}
	}
	return &Match{Entry: place.Entry{Document: document, Signature: signature}, Place: from, SignedBy: trust.KeyID(key.ID())}, nil
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
	content, err := store.Read(ctx, sources, blob, limit)
	if errors.Is(err, store.ErrNotFound) && z.options.Offline && !from.Local() {
		return nil, &OfflineError{What: blob.String()}
	}
	return content, err
}

// MislabelledError says that the name or version of a manifest is not the one that the index lists it under.
type MislabelledError struct{ Wanted, Got manifest.Reference }

func (e *MislabelledError) Error() string {
	return "the index lists a manifest as " + e.Wanted.String() + ", but the manifest itself says " + e.Got.String()
}

// Is makes a MislabelledError an errdef.ErrInput.
func (*MislabelledError) Is(kind error) bool { return kind == errdef.ErrInput }
