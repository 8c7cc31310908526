package zoo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// current is the index of a place that is about to be changed; an empty one where nothing is published yet. One that has expired is taken too:
// a new state of it makes it fresh.
func (z *Zoo) current(ctx context.Context, place Place, key minisign.PrivateKey) (*manifest.Index, error) {
	raw, signature, err := place.Index(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return &manifest.Index{Format: manifest.IndexFormat, Entries: []manifest.Entry{}}, z.withheld(place)
	}
	if err != nil {
		return nil, err
	}
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return nil, errors.New("the secret key has no public key")
	}
	accepted, err := z.trust.Accept(place.String(), raw, signature, append(z.options.Keys[:len(z.options.Keys):len(z.options.Keys)], public), time.Time{})
	if err != nil {
		return nil, err
	}
	return &accepted.Index, nil
}

// Renew signs the index of a place anew, so that it does not expire, and gives the new one. A place without index is store.ErrNotFound.
func (z *Zoo) Renew(ctx context.Context, place Publishing, key minisign.PrivateKey, expires time.Time) (*manifest.Index, error) {
	index, err := z.current(ctx, place, key)
	if err != nil {
		return nil, err
	}
	if index.Version == 0 {
		return nil, &store.SourceError{Source: place.String(), Kind: store.ErrNotFound, Err: errors.New("nothing is published there"), Advice: "beitzoo publish makes the first index"}
	}
	return index, z.renew(ctx, place, index, key, expires)
}

// renew makes index the next version, writes it, and looks whether it is really there afterwards.
func (z *Zoo) renew(ctx context.Context, place Publishing, index *manifest.Index, key minisign.PrivateKey, expires time.Time) error {
	if expires.IsZero() {
		expires = z.options.Now().UTC().Add(year).Truncate(24 * time.Hour)
	}
	index.Version++
	index.Expires = expires.UTC().Format(time.RFC3339)
	raw, err := index.Encode()
	if err != nil {
		return err
	}
	document, err := manifest.ParseIndex("the new index", raw)
	if err != nil {
		return err
	}
	signature := manifest.Sign(key, raw, fmt.Sprintf("beitzoo index version %d", index.Version))
	if err := place.SetIndex(ctx, document, signature); err != nil {
		return err
	}
	return z.landed(ctx, place, raw, key)
}

// RaceError says that somebody else published at the same time.
type RaceError struct{ Place string }

func (e *RaceError) Error() string {
	return "somebody else changed the index of " + e.Place + " at the same time"
}

// Hint says what to do.
func (e *RaceError) Hint() string { return "publish again: what was uploaded is there already" }

// landed remembers the index that was written, or reports a *RaceError where another is there instead.
func (z *Zoo) landed(ctx context.Context, place Place, want []byte, key minisign.PrivateKey) error {
	raw, signature, err := place.Index(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, want) {
		return &RaceError{Place: place.String()}
	}
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return errors.New("the secret key has no public key")
	}
	_, err = z.trust.Accept(place.String(), raw, signature, manifest.Keyring{public}, time.Time{})
	return err
}

// year is how long an index is believed where its publisher says nothing else.
const year = 365 * 24 * time.Hour
