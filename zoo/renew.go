package zoo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// draft is the index of a place that is about to be changed.
type draft struct {
	*manifest.Index
	keys *trust.KeyList
}

// draftIndex returns the index of a place that a key is about to change, or an empty one if nothing is published yet. It may have expired, because the
// next version replaces it; but if its list of keys has expired, the key must be a root. A key that may not sign there is a *SignerError. An index
// without a list of keys gets one, with the key as its root.
func (z *Zoo) draftIndex(ctx context.Context, at place.Place, key minisign.PrivateKey) (*draft, error) {
	raw, signature, err := at.Index(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return &draft{&manifest.Index{Format: manifest.IndexFormat, Entries: []manifest.Entry{}}, &trust.KeyList{}}, z.checkNeverPublished(at)
	}
	if err != nil {
		return nil, err
	}
	public, err := publicKey(key)
	if err != nil {
		return nil, err
	}
	if err := checkSigner(at.String(), raw, signature, public); err != nil {
		return nil, err
	}
	accepted, err := z.trust.Accept(at.String(), raw, signature, append(slices.Clone(z.options.Keys), public), time.Time{})
	if err != nil {
		return nil, err
	}
	if listed, _ := accepted.Keys.Find(public); listed.Role != manifest.Root { // only a root could renew the list
		if err := accepted.CheckKeysFresh(at.String(), z.options.Now()); err != nil {
			return nil, err
		}
	}
	d := &draft{&accepted.Index, accepted.Keys}
	if len(d.Keys) == 0 {
		d.Format, d.keys = manifest.IndexFormat, &trust.KeyList{}
	}
	return d, nil
}

// checkSigner returns an error unless a key may sign for a place, as the list of keys that the place serves says. Whether that list is to be believed
// is another question: a key that it does not even name is a mistake, and is explained.
func checkSigner(at string, raw, signature []byte, key minisign.PublicKey) error {
	document, err := manifest.ParseIndex("index of "+at, raw)
	if err != nil {
		return nil // for the check of the index itself
	}
	refused := &SignerError{Place: at, Key: key, Err: trust.ErrUnknownKey}
	if len(document.Keys) == 0 {
		if _, err := (trust.Keyring{key}).Check(at, raw, signature); errors.Is(err, trust.ErrUnknownKey) {
			return refused
		}
		return nil
	}
	keys, err := trust.ReadKeys(at, document.Keys)
	if err != nil {
		return err
	}
	listed, found := keys.Find(key)
	switch {
	case !found:
		return refused
	case listed.State == manifest.Retired:
		refused.Err = trust.ErrRetiredKey
		return refused
	case listed.State == manifest.Revoked:
		refused.Err = trust.ErrRevokedKey
		return refused
	}
	return nil
}

// SignerError says that a key may not sign for a place, and that nothing was written.
type SignerError struct {
	Place string
	// Key is the one that was to sign.
	Key minisign.PublicKey
	// Err is trust.ErrUnknownKey, trust.ErrRetiredKey, trust.ErrRevokedKey or ErrNotRoot.
	Err error
}

// ErrNotRoot says that a key may publish, but not change who else may.
var ErrNotRoot = errdef.New(errdef.ErrUsage, "is a publisher, and only a root changes the list of keys")

func (e *SignerError) Error() string {
	why := "is not one of its keys"
	switch {
	case errors.Is(e.Err, trust.ErrRetiredKey):
		why = "was retired there"
	case errors.Is(e.Err, trust.ErrRevokedKey):
		why = "was revoked there"
	case errors.Is(e.Err, ErrNotRoot):
		why = ErrNotRoot.Error()
	}
	return fmt.Sprintf("nothing is written to %s: the key %s %s", e.Place, trust.KeyID(e.Key.ID()), why)
}

func (e *SignerError) Unwrap() error { return e.Err }

// Hint says who can help.
func (e *SignerError) Hint() string {
	if errors.Is(e.Err, trust.ErrUnknownKey) {
		return "the owner of a root key of the place can add the key " + e.Key.String()
	}
	return "sign with another key"
}

// Renewal says how an index is signed again.
type Renewal struct {
	// Key signs the index. If it is a root, the list of keys is renewed as well, unless that was done in the last month.
	Key minisign.PrivateKey
	// Expires is when readers stop accepting the index; zero is a year from now. A time that is past is an *ExpiryError.
	Expires time.Time
	// Resign are entries whose manifests the key signs again: somebody looked at them, or another key that signed them is no longer valid.
	Resign []manifest.Reference
	// ResignAll signs all manifests again that another key has signed, ResignOf those that one of these keys has signed.
	ResignAll bool
	ResignOf  trust.Keyring
	// DryRun checks and signs everything, and writes nothing.
	DryRun bool
}

// wants reports whether the manifest of an entry is to be signed again, if another key has signed it.
func (r Renewal) wants(entry manifest.Entry) bool {
	return r.ResignAll || slices.ContainsFunc(r.Resign, func(w manifest.Reference) bool {
		return w.Name == entry.ID && (w.Version == "" || w.Version == entry.Version)
	})
}

// Renew signs the index of a place again, as the next version, and returns it, also after a dry run. A place without an index is store.ErrNotFound; a *place.RaceError says
// that somebody else published at the same time.
func (z *Zoo) Renew(ctx context.Context, at place.Destination, r Renewal) (*manifest.Index, error) {
	if err := z.checkExpiry(r.Expires); err != nil {
		return nil, err
	}
	d, err := z.publishedIndex(ctx, at, r.Key)
	if err != nil {
		return nil, err
	}
	if err := z.resign(ctx, at, d, r); err != nil {
		return nil, err
	}
	if r.DryRun {
		_, _, err = z.signIndex(at, d, r.Key, r.Expires, true)
		return d.Index, err
	}
	return d.Index, z.writeIndex(ctx, at, d, r.Key, r.Expires, true)
}

// publishedIndex returns the index of a place that is about to be changed. A place without an index is store.ErrNotFound.
func (z *Zoo) publishedIndex(ctx context.Context, at place.Place, key minisign.PrivateKey) (*draft, error) {
	d, err := z.draftIndex(ctx, at, key)
	if err != nil {
		return nil, err
	}
	if d.Version == 0 {
		return nil, &store.SourceError{
			Source: at.String(), Kind: store.ErrNotFound, Err: errors.New("nothing is published there"), Advice: "publishing makes the first index",
		}
	}
	return d, nil
}

// resign signs manifests of an index again.
func (z *Zoo) resign(ctx context.Context, at place.Place, d *draft, r Renewal) error {
	public, err := publicKey(r.Key)
	if err != nil {
		return err
	}
	for _, wanted := range r.Resign {
		if _, err := d.Find(wanted); err != nil {
			return err
		}
	}
	own, others := trust.ListOf(trust.Keyring{public}), trust.ListOf(r.ResignOf)
	for i := range d.Entries {
		entry := &d.Entries[i]
		_, ofOther := z.readEntry(ctx, at, *entry, others)
		if !r.wants(*entry) && ofOther != nil {
			continue
		}
		if _, err := z.readEntry(ctx, at, *entry, own); !errors.Is(err, trust.ErrUnknownKey) {
			if err != nil {
				return err
			}
			continue // the key has signed it already
		}
		name := entry.Reference().String()
		raw, err := z.readSmall(ctx, at, place.ContentBlob(manifest.Content{Digest: entry.Digest, Size: entry.Size}, name+".yaml"), manifest.MaxSize)
		if err != nil {
			return err
		}
		entry.Resigned = string(trust.Sign(r.Key, raw, "beitzoo manifest "+name))
		if _, err := z.readEntry(ctx, at, *entry, own); err != nil {
			return err
		}
	}
	return nil
}

// signIndex makes the index of a place the next version, and returns it with its signature. It writes nothing. A list of keys that is new, or about to expire,
// or that renewKeys says is to be renewed, gets a change signed by the key if that is a root.
func (z *Zoo) signIndex(at place.Place, d *draft, key minisign.PrivateKey, expires time.Time, renewKeys bool) (*manifest.IndexDocument, []byte, error) {
	if expires.IsZero() {
		expires = z.options.Now().UTC().Add(year).Truncate(24 * time.Hour)
	}
	if err := z.renewKeys(at, d, key, expires, renewKeys); err != nil {
		return nil, nil, err
	}
	d.Version++
	d.Expires = expires.UTC().Format(time.RFC3339)
	raw, err := d.Encode()
	if err != nil {
		return nil, nil, err
	}
	document, err := manifest.ParseIndex("the new index", raw)
	if err != nil {
		return nil, nil, err
	}
	return document, trust.Sign(key, raw, fmt.Sprintf("beitzoo index version %d", d.Version)), nil
}

// writeIndex signs the next version of the index of a place, as signIndex does, writes it, and confirms that it is there afterwards.
func (z *Zoo) writeIndex(ctx context.Context, at place.Destination, d *draft, key minisign.PrivateKey, expires time.Time, renewKeys bool) error {
	document, signature, err := z.signIndex(at, d, key, expires, renewKeys)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := at.SetIndex(ctx, document, signature); err != nil {
		return err
	}
	if !at.Local() {
		// A registry cannot write only if nobody else did. Somebody who looked before this index was there is done after about the time that it took here.
		if err := wait(ctx, min(time.Since(start), longestWait)); err != nil {
			return err
		}
	}
	return z.confirmIndex(ctx, at, document.Raw, key)
}

// longestWait is how long writeIndex waits for others at most.
const longestWait = 10 * time.Second

// wait returns after a time, or with the error of its context.
func wait(ctx context.Context, duration time.Duration) error {
	select {
	case <-time.After(duration):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// renewKeys adds a change to the list of keys which makes it believed until expires, if the key is a root.
func (z *Zoo) renewKeys(at place.Place, d *draft, key minisign.PrivateKey, expires time.Time, always bool) error {
	public, err := publicKey(key)
	if err != nil {
		return err
	}
	var add []manifest.NewKey
	listed, found := d.keys.Find(public)
	expiry, hasKeys := d.KeysExpiry()
	switch {
	case !hasKeys:
		add = []manifest.NewKey{{Key: public.String(), Role: manifest.Root}}
	case !found || listed.Role != manifest.Root:
		return nil
	case expiry.After(z.options.Now().Add(year/2)) && (!always || expiry.After(expires.Add(-month))):
		return nil // whoever renews every day does not fill the list
	}
	return z.changeKeys(at, d, add, nil, expires, key)
}

// changeKeys adds a change to the list of keys.
func (z *Zoo) changeKeys(at place.Place, d *draft, add []manifest.NewKey, remove []manifest.RemovedKey, expires time.Time, keys ...minisign.PrivateKey) error {
	change, err := d.keys.NewChange(at.String(), add, remove, z.options.Now(), expires, keys...)
	if err != nil {
		return err
	}
	d.Keys = append(slices.Clip(d.Keys), change)
	d.keys, err = trust.ReadKeys(at.String(), d.Keys)
	return err
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

// checkExpiry returns an *ExpiryError for a time at which an index would have expired already, or that is too far away. The zero time is neither.
func (z *Zoo) checkExpiry(expires time.Time) error {
	if now := z.options.Now(); !expires.IsZero() && (!expires.After(now) || expires.After(latestExpiry(now))) {
		return &ExpiryError{Expires: expires, Now: now}
	}
	return nil
}

// longestExpiry is how many years an index is valid at most.
const longestExpiry = 5

func latestExpiry(now time.Time) time.Time { return now.AddDate(longestExpiry, 0, 0) }

// ExpiryError says that an index would have expired before anybody reads it, or that it would be valid for so long that its expiry protects nobody.
type ExpiryError struct{ Expires, Now time.Time }

func (e *ExpiryError) Error() string {
	if e.Expires.After(e.Now) {
		return fmt.Sprintf("an index that is valid until %s could hide all later ones from a reader until then; the limit is %d years",
			e.Expires.UTC().Format(time.DateOnly), longestExpiry)
	}
	return fmt.Sprintf("nobody would believe an index that expired at %s: it is %s now", e.Expires.UTC().Format(time.RFC3339), e.Now.UTC().Format(time.RFC3339))
}

// Is makes an ExpiryError an errdef.ErrUsage.
func (*ExpiryError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to give.
func (e *ExpiryError) Hint() string {
	if e.Expires.After(e.Now) {
		return "give a day before " + latestExpiry(e.Now).UTC().Format(time.DateOnly) + ", or none for a year from now, and renew the index in time"
	}
	return "give a day in the future, or none for a year from now"
}

func publicKey(key minisign.PrivateKey) (minisign.PublicKey, error) {
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return public, errors.New("the secret key has no public key")
	}
	return public, nil
}

const (
	// year is how long an index is valid if its publisher does not say.
	year = 365 * 24 * time.Hour
	// month is how much longer a list of keys must be believed to be renewed for it.
	month = 30 * 24 * time.Hour
)
