package zoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// KeysChange says how the list of keys of a place is changed.
type KeysChange struct {
	// Key is an active root of the place. It signs the change.
	Key minisign.PrivateKey
	// Add are new keys, and Remove those that sign nothing new from now on.
	Add    []manifest.NewKey
	Remove []manifest.RemovedKey
	// Successor, if it is not nil, is one of Add. It signs the change too, and in place of Key the index.
	Successor *minisign.PrivateKey
	// Resign are keys whose manifests the signer of the index signs again.
	Resign trust.Keyring
	// Expires is when readers stop accepting the index and the list; zero is a year from now.
	Expires time.Time
	// DryRun checks and signs everything, and writes nothing.
	DryRun bool
}

// KeysResult describes the keys of a place after a change.
type KeysResult struct {
	Place        string
	IndexVersion int64
	Keys         *trust.KeyList
	// Refused are the entries whose manifests are signed by revoked keys, or by keys that the list does not have: nobody can pull them until another key
	// has signed them again.
	Refused []manifest.Reference
}

// ChangeKeys changes the list of keys of a place, and writes the index with it. A key that may not change it is a *SignerError, and a change
// that is not possible a *trust.ChangeError; then nothing is written.
func (z *Zoo) ChangeKeys(ctx context.Context, at place.Destination, c KeysChange) (*KeysResult, error) {
	if err := z.checkExpiry(c.Expires); err != nil {
		return nil, err
	}
	d, err := z.publishedIndex(ctx, at, c.Key)
	if err != nil {
		return nil, err
	}
	expires := c.Expires
	if expires.IsZero() {
		expires = z.options.Now().UTC().Add(year).Truncate(24 * time.Hour)
	}
	if len(d.Keys) == 0 { // an index of the first format
		if err := z.renewKeys(at, d, c.Key, expires, true); err != nil {
			return nil, err
		}
	}
	public, err := publicKey(c.Key)
	if err != nil {
		return nil, err
	}
	if listed, _ := d.keys.Find(public); listed.Role != manifest.Root {
		return nil, &SignerError{Place: at.String(), Key: public, Err: ErrNotRoot}
	}
	signers, last := []minisign.PrivateKey{c.Key}, c.Key
	if c.Successor != nil {
		if next, err := publicKey(*c.Successor); err != nil || next.Equal(public) {
			return nil, errors.Join(err, &trust.ChangeError{Place: at.String(), Err: fmt.Errorf("the key %s is to follow itself: %w", trust.KeyID(public.ID()), trust.ErrKeyListed)})
		}
		signers, last = append(signers, *c.Successor), *c.Successor
	}
	if err := z.changeKeys(at, d, c.Add, c.Remove, expires, signers...); err != nil {
		return nil, err
	}
	signer, err := publicKey(last)
	if err != nil {
		return nil, err
	}
	if listed, _ := d.keys.Find(signer); listed.State != manifest.Active {
		return nil, &trust.ChangeError{Place: at.String(), Err: fmt.Errorf("the key %s, which is to sign the index, would be %s", trust.KeyID(signer.ID()), listed.State)}
	}
	if len(c.Resign) > 0 {
		if err := z.resign(ctx, at, d, Renewal{Key: last, ResignOf: c.Resign}); err != nil {
			return nil, err
		}
	}
	if c.DryRun {
		_, _, err = z.signIndex(at, d, last, expires, false)
	} else {
		err = z.writeIndex(ctx, at, d, last, expires, false)
	}
	if err != nil {
		return nil, err
	}
	refused, err := z.refused(ctx, at, d.Entries, d.keys)
	return &KeysResult{Place: at.String(), IndexVersion: d.Version, Keys: d.keys, Refused: refused}, err
}

// Keys returns the keys of a place, as its verified index says. If nothing is published there, the error is a store.ErrNotFound.
func (z *Zoo) Keys(ctx context.Context, at place.Place) (*KeysResult, error) {
	index, err := z.index(ctx, at)
	if err != nil {
		return nil, err
	}
	if index == nil {
		return nil, &store.SourceError{Source: at.String(), Kind: store.ErrNotFound, Err: errors.New("nothing is published there")}
	}
	refused, err := z.refused(ctx, at, index.Entries, index.keys)
	return &KeysResult{Place: at.String(), IndexVersion: index.Version, Keys: index.keys, Refused: refused}, err
}

// KeysToChange returns the keys of a place for the owner of one of them, who is about to change them: the index may have expired. A key that may not sign
// there is a *SignerError.
func (z *Zoo) KeysToChange(ctx context.Context, at place.Place, key minisign.PrivateKey) (*trust.KeyList, error) {
	d, err := z.publishedIndex(ctx, at, key)
	if err != nil {
		return nil, err
	}
	return d.keys, nil
}

// refused returns the entries whose signatures are not valid under a list of keys. Those whose manifests the place lacks, as a mirror may, are
// left out.
func (z *Zoo) refused(ctx context.Context, at place.Place, entries []manifest.Entry, keys *trust.KeyList) ([]manifest.Reference, error) {
	refused := []manifest.Reference{}
	for _, entry := range entries {
		_, err := z.readEntry(ctx, at, entry, keys)
		var signature *trust.SignatureError
		switch {
		case errors.As(err, &signature):
			refused = append(refused, entry.Reference())
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return slices.Clip(refused), nil
}
