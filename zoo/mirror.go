package zoo

import (
	"context"
	"errors"
	"time"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// MirrorOptions change how Mirror works.
type MirrorOptions struct {
	// Wanted are the entries to copy; nil copies all.
	Wanted []manifest.Reference
	// Progress and Notice are as in PullOptions.
	Progress func(step Step, done, total int64)
	Notice   func(error)
}

// Mirrored is what a mirror has now.
type Mirrored struct {
	Entries      []manifest.Reference
	IndexVersion int64
}

// Mirror copies entries and the signed index from one place to another. It needs no key: the index is copied as it is, so a mirror lists all
// entries, also those whose weights were not wanted. Where the mirror has an index already, it must be an earlier state of the same.
func (z *Zoo) Mirror(ctx context.Context, from Place, to Publishing, options MirrorOptions) (*Mirrored, error) {
	index, err := z.index(ctx, from)
	if err != nil {
		return nil, err
	}
	if index == nil {
		return nil, &store.SourceError{Source: from.String(), Kind: store.ErrNotFound, Err: errors.New("nothing is published there")}
	}
	if err := z.precedes(ctx, to, index); err != nil {
		return nil, err
	}
	wanted, err := choose(index, options.Wanted)
	if err != nil {
		return nil, err
	}
	mirrored := &Mirrored{IndexVersion: index.Version}
	for _, entry := range wanted {
		found, err := z.document(ctx, from, entry, index.keys)
		if err != nil {
			return nil, err
		}
		if err := z.copyEntry(ctx, found, to, options); err != nil {
			return nil, err
		}
		mirrored.Entries = append(mirrored.Entries, entry.Reference())
	}
	return mirrored, to.SetIndex(ctx, index.IndexDocument, index.signature)
}

// choose finds the wanted entries.
func choose(index *verified, wanted []manifest.Reference) ([]manifest.Entry, error) {
	if wanted == nil {
		return index.Entries, nil
	}
	var entries []manifest.Entry
	var problems []error
	for _, reference := range wanted {
		entry, err := index.Find(reference)
		entries, problems = append(entries, entry), append(problems, err)
	}
	return entries, errors.Join(problems...)
}

// precedes reports an error unless the index of a mirror may be followed by the one that is copied.
func (z *Zoo) precedes(ctx context.Context, to Place, next *verified) error {
	raw, signature, err := to.Index(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	before, err := z.trust.Accept(to.String(), raw, signature, next.keys, time.Time{})
	if err != nil {
		return err
	}
	return manifest.CheckSuccessor(to.String(), before.IndexDocument, next.IndexDocument)
}

// copyEntry brings the blobs of an entry to another place, and announces it there.
func (z *Zoo) copyEntry(ctx context.Context, found *Found, to Publishing, options MirrorOptions) error {
	copying := (&pull{options: PullOptions{Progress: options.Progress, Notice: options.Notice}}).storeOptions(Uploading)
	return entryArtefact(found.Document, found.Signature).publish(ctx, found.Place.Blobs(), to.Artefacts(), copying)
}
