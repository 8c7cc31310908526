package zoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// MirrorOptions change what Mirror does. The zero value copies everything.
type MirrorOptions struct {
	// Wanted are the entries to copy; nil is all.
	Wanted []manifest.Reference
	// DryRun checks everything, and copies nothing.
	DryRun bool
	// Progress and Notice are those of PullOptions.
	Progress func(step Step, done, total int64)
	Notice   func(error)
}

// MirrorResult says what was copied.
type MirrorResult struct {
	// Entries were copied, or were there already.
	Entries []manifest.Reference
	// Refused were not copied, because no valid key has signed their manifests.
	Refused []manifest.Reference
	// Absent were not copied, because the source lists them and does not hold them.
	Absent []manifest.Reference
	// IndexVersion is that of the index of both places.
	IndexVersion int64
	// Missing are the files that the mirror lacks. They are known only after a dry run.
	Missing []place.File
	// Bytes is the size of the weights and recordings of the entries.
	Bytes int64
}

// Mirror copies entries and the signed index from one place to another. It needs no key: the index is copied as it is, so a mirror lists all
// entries, also those whose weights were not wanted. If the mirror has an index already, that must be an earlier version of the same index, else the
// error is a *manifest.IndexError or *trust.SignatureError. A source without an index is store.ErrNotFound. Entries that the source lists and does not hold
// are told to Notice and skipped; if one is named, or none is held, the error is an *AbsentError.
func (z *Zoo) Mirror(ctx context.Context, from place.Place, to place.Destination, options MirrorOptions) (*MirrorResult, error) {
	index, err := z.index(ctx, from)
	if err != nil {
		return nil, err
	}
	if index == nil {
		return nil, &NoEntriesError{Place: from.String()}
	}
	if err := z.checkPredecessor(ctx, to, index); err != nil {
		return nil, err
	}
	notice := options.Notice
	if notice == nil {
		notice = func(error) {}
	}
	listed := listingsIn(index, from)
	markAbsent(ctx, listed, func(Listing) bool { return true })
	wanted, absent, err := chooseEntries(listed, options.Wanted)
	if err != nil {
		return nil, err
	}
	result := &MirrorResult{IndexVersion: index.Version}
	for _, one := range absent {
		notice(fmt.Errorf("%s is not copied: %w", one.Reference, one))
		result.Absent = append(result.Absent, one.Reference)
	}
	for _, listed := range wanted {
		match, err := z.readEntry(ctx, from, listed, index.keys)
		if errors.Is(err, trust.ErrRevokedKey) || errors.Is(err, trust.ErrUnknownKey) {
			notice(fmt.Errorf("%s is not copied: %w", listed.Reference(), err))
			result.Refused = append(result.Refused, listed.Reference())
			continue
		}
		if err != nil {
			return nil, err
		}
		result.Entries = append(result.Entries, listed.Reference())
		if options.DryRun {
			err = result.plan(ctx, from, to, match.Entry)
		} else {
			err = to.Add(ctx, match.Entry, from.Blobs(), copyOptions(Uploading, options.Progress, options.Notice))
		}
		if err != nil {
			return nil, err
		}
		result.count(match.Entry)
	}
	if options.DryRun {
		return result, nil
	}
	return result, to.SetIndex(ctx, index.IndexDocument, index.signature)
}

// plan adds the files that one place lacks of an entry, and the other has.
func (r *MirrorResult) plan(ctx context.Context, from place.Place, to place.Destination, entry place.Entry) error {
	missing, err := to.Missing(ctx, entry)
	if err != nil {
		return err
	}
	for _, file := range missing {
		if slices.ContainsFunc(r.Missing, func(other place.File) bool { return other.Digest == file.Digest }) {
			continue // entries may share weights
		}
		if _, err := from.Blobs().Stat(ctx, place.ContentBlob(file.Content, entry.Reference().String()+", "+file.Name)); err != nil {
			return err
		}
		r.Missing = append(r.Missing, file)
	}
	return nil
}

// count adds the size of the weights and recordings of an entry.
func (r *MirrorResult) count(entry place.Entry) {
	for _, blob := range entry.Blobs {
		r.Bytes += blob.Size
	}
	for _, recording := range entry.Recordings {
		if recording.Address == "" { // others ship with the program
			r.Bytes += recording.Size
		}
	}
}

// chooseEntries returns the wanted entries of a place. If all are wanted, absent are those that the place does not hold.
func chooseEntries(listed []Listing, wanted []manifest.Reference) (entries []manifest.Entry, absent []*AbsentError, err error) {
	held := heldOf(listed)
	if wanted == nil {
		for _, listing := range listed {
			if listing.Absent {
				absent = append(absent, absentError(listing, listed))
			}
		}
		for _, listing := range held {
			entries = append(entries, *listing.entry)
		}
		if len(entries) == 0 && len(absent) > 0 {
			return nil, nil, absent[0]
		}
		return entries, absent, nil
	}
	var problems []error
	for _, reference := range wanted {
		if at, err := pick(reference, held); err == nil {
			entries = append(entries, *held[at].entry)
			continue
		}
		at, err := pick(reference, listed)
		if err == nil {
			err = absentError(listed[at], listed)
		}
		problems = append(problems, err)
	}
	return entries, nil, errors.Join(problems...)
}

// checkPredecessor returns an error unless the index of a mirror, if it has one, is an earlier version of the one that is copied.
func (z *Zoo) checkPredecessor(ctx context.Context, to place.Place, next *verifiedIndex) error {
	raw, signature, err := to.Index(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	before, err := z.trust.Check(to.String(), raw, signature, next.keys.Ring(), time.Time{})
	if err != nil {
		return err
	}
	return manifest.CheckSuccessor(to.String(), before.IndexDocument, next.IndexDocument)
}
