package zoo

import (
	"bytes"
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

// currentIndex returns the index of a place that is about to be changed, or an empty one if nothing is published yet. It may have expired,
// because the next version replaces it.
func (z *Zoo) currentIndex(ctx context.Context, at place.Place, key minisign.PrivateKey) (*manifest.Index, error) {
	raw, signature, err := at.Index(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return &manifest.Index{Format: manifest.IndexFormat, Entries: []manifest.Entry{}}, z.checkNeverPublished(at)
	}
	if err != nil {
		return nil, err
	}
	public, err := publicKey(key)
	if err != nil {
		return nil, err
	}
	accepted, err := z.trust.Accept(at.String(), raw, signature, append(slices.Clone(z.options.Keys), public), time.Time{})
	if err != nil {
		return nil, err
	}
	return &accepted.Index, nil
}

// Renew signs the index of a place again, as the next version, and returns it. Readers accept it until expires; zero is a year from now. A place
// without an index is store.ErrNotFound; a *place.RaceError says that somebody else published at the same time.
func (z *Zoo) Renew(ctx context.Context, at place.Destination, key minisign.PrivateKey, expires time.Time) (*manifest.Index, error) {
	index, err := z.publishedIndex(ctx, at, key)
	if err != nil {
		return nil, err
	}
	return index, z.writeIndex(ctx, at, index, key, expires)
}

// publishedIndex returns the index of a place that is about to be changed. A place without an index is store.ErrNotFound.
func (z *Zoo) publishedIndex(ctx context.Context, at place.Place, key minisign.PrivateKey) (*manifest.Index, error) {
	index, err := z.currentIndex(ctx, at, key)
	if err != nil {
		return nil, err
	}
	if index.Version == 0 {
		return nil, &store.SourceError{
			Source: at.String(), Kind: store.ErrNotFound, Err: errors.New("nothing is published there"), Advice: "publishing makes the first index",
		}
	}
	return index, nil
}

// writeIndex makes index the next version, signs it, writes it, and confirms that it is there afterwards.
func (z *Zoo) writeIndex(ctx context.Context, at place.Destination, index *manifest.Index, key minisign.PrivateKey, expires time.Time) error {
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
	signature := trust.Sign(key, raw, fmt.Sprintf("beitzoo index version %d", index.Version))
	if err := at.SetIndex(ctx, document, signature); err != nil {
		return err
	}
	return z.confirmIndex(ctx, at, raw, key)
}

// confirmIndex reads the index back and remembers it as accepted. If the place has another index than want, it returns a *place.RaceError.
func (z *Zoo) confirmIndex(ctx context.Context, at place.Place, want []byte, key minisign.PrivateKey) error {
	raw, signature, err := at.Index(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, want) {
		return &place.RaceError{Place: at.String()}
	}
	public, err := publicKey(key)
	if err != nil {
		return err
	}
	_, err = z.trust.Accept(at.String(), raw, signature, trust.Keyring{public}, time.Time{})
	return err
}

func publicKey(key minisign.PrivateKey) (minisign.PublicKey, error) {
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return public, errors.New("the secret key has no public key")
	}
	return public, nil
}

// year is how long an index is valid if its publisher does not say.
const year = 365 * 24 * time.Hour
