package trust

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// ListedKey is a key of a place.
type ListedKey struct {
	minisign.PublicKey
	manifest.NewKey
	State manifest.KeyState
	// Added and Removed are days of the form 2006-01-02, as those who changed the list say. They are empty if there is no list, and Removed is for active
	// keys.
	Added, Removed string
	// Reason says why the key was removed.
	Reason string
}

// standing says what a key may do, for messages: its role, or its state if it may do nothing.
func (k *ListedKey) standing() string {
	if k.State == manifest.Active {
		return "active " + string(k.Role)
	}
	return string(k.State)
}

// KeyList says which keys may sign for a place, and which could before.
type KeyList struct {
	// Changes have made the list. It is empty for the keys of an index of the first format, which has no list.
	Changes []manifest.KeyChange
	// Keys are in the order in which they were added.
	Keys []ListedKey
	// signers are the keys that signed a change of the list. Whoever trusts one of them trusts what became of the list, since each change is
	// signed by a root of the list before.
	signers Keyring
}

// ListOf returns the list of a place whose index has none: each key of the ring may sign everything.
func ListOf(ring Keyring) *KeyList {
	list := &KeyList{}
	for _, key := range ring {
		if list.find(key) == nil {
			list.Keys = append(list.Keys, ListedKey{PublicKey: key, NewKey: manifest.NewKey{Key: key.String(), Role: manifest.Root}, State: manifest.Active})
		}
	}
	return list
}

// ReadKeys checks the changes of a list of keys, which ParseIndex has read: who signed each, and whether it follows from the one before. place is for
// messages. Errors are *manifest.IndexError of the kind manifest.ErrKeys.
func ReadKeys(place string, changes []manifest.KeyChange) (*KeyList, error) {
	list := &KeyList{}
	for i := range changes {
		if err := list.apply(&changes[i]); err != nil {
			return nil, &manifest.IndexError{Place: place, Kind: manifest.ErrKeys, Text: fmt.Sprintf("change %d of the list of keys: %s", i+1, err)}
		}
	}
	return list, nil
}

// NewChange returns a change of the list that the first of keys, which is a root, has signed, and the others as well. Keys of add and remove are as in
// manifest.KeyChange. A change that ReadKeys would not accept is a *ChangeError. place is for messages.
func (l *KeyList) NewChange(place string, add []manifest.NewKey, remove []manifest.RemovedKey, today, expires time.Time, keys ...minisign.PrivateKey) (manifest.KeyChange, error) {
	change := manifest.KeyChange{
		Version: int64(len(l.Changes)) + 1, Date: today.UTC().Format(time.DateOnly), Expires: expires.UTC().Format(time.RFC3339), Add: add, Remove: remove,
	}
	if n := len(l.Changes); n > 0 {
		change.Previous = l.Changes[n-1].Digest()
	}
	for _, key := range keys {
		signature := Sign(key, change.Statement(), fmt.Sprintf("beitzoo keys version %d", change.Version))
		change.Signatures = append(change.Signatures, string(signature))
	}
	trial := &KeyList{Changes: l.Changes, Keys: slices.Clone(l.Keys), signers: l.signers}
	if err := trial.apply(&change); err != nil {
		return change, &ChangeError{Place: place, Err: err}
	}
	return change, nil
}

// apply makes one change. Its error says what is wrong with it, for a message.
func (l *KeyList) apply(change *manifest.KeyChange) error {
	before := slices.Clone(l.Keys)
	if err := l.remove(change); err != nil {
		return err
	}
	if err := l.add(change); err != nil {
		return err
	}
	authorised := false
	for _, signature := range change.Signatures {
		key, isRoot, err := l.signerOf(change, before, []byte(signature))
		if err != nil {
			return err
		}
		authorised = authorised || isRoot
		if !l.signers.has(key) {
			l.signers = append(l.signers, key)
		}
	}
	switch {
	case !authorised:
		return errors.New(noRootSigned)
	case !slices.ContainsFunc(l.Keys, func(key ListedKey) bool { return key.Role == manifest.Root && key.State == manifest.Active }):
		return errors.New(noRootLeft)
	}
	l.Changes = append(slices.Clip(l.Changes), *change)
	return nil
}

// noRootSigned and noRootLeft are reasons for which a change of keys is refused.
const (
	noRootSigned = "no key that was a root before has signed it"
	noRootLeft   = "no root would be left"
)

// signerOf returns the key of a signature, which was a root before the change, or which the change adds. If it is the first change, its roots
// count as roots before it.
func (l *KeyList) signerOf(change *manifest.KeyChange, before []ListedKey, signature []byte) (key minisign.PublicKey, isRoot bool, err error) {
	var may Keyring
	roots := len(before)
	for n, listed := range l.Keys {
		added := n >= len(before)
		if added || before[n].Role == manifest.Root && before[n].State == manifest.Active {
			may = append(may, listed.PublicKey)
		}
	}
	key, err = may.Check("a signature", change.Statement(), signature)
	if errors.Is(err, ErrUnknownKey) {
		return key, false, errors.New(noRootSigned)
	}
	if err != nil {
		return key, false, err
	}
	at := slices.IndexFunc(l.Keys, func(listed ListedKey) bool { return listed.Equal(key) })
	return key, l.Keys[at].Role == manifest.Root && (at < roots || roots == 0), nil
}

func (l *KeyList) add(change *manifest.KeyChange) error {
	for _, added := range change.Add {
		listed := ListedKey{NewKey: added, State: manifest.Active, Added: change.Date}
		if err := listed.UnmarshalText([]byte(added.Key)); err != nil {
			return err
		}
		if known := l.withID(listed.ID()); known != nil {
			return fmt.Errorf("the key %s is in the list already, as %s: %w", KeyID(listed.ID()), known.standing(), ErrKeyListed)
		}
		l.Keys = append(l.Keys, listed)
	}
	return nil
}

func (l *KeyList) remove(change *manifest.KeyChange) error {
	for _, removed := range change.Remove {
		var key minisign.PublicKey
		if err := key.UnmarshalText([]byte(removed.Key)); err != nil {
			return err
		}
		listed := l.find(key)
		switch {
		case listed == nil:
			return fmt.Errorf("the key %s %w", KeyID(key.ID()), ErrKeyNotListed)
		case listed.State == removed.State || listed.State == manifest.Revoked:
			return fmt.Errorf("%w: the key %s is %s", ErrKeyRemoved, KeyID(key.ID()), listed.State)
		}
		listed.State, listed.Removed, listed.Reason = removed.State, change.Date, removed.Reason
	}
	return nil
}

// find returns the entry of a key, or nil.
func (l *KeyList) find(key minisign.PublicKey) *ListedKey {
	for i := range l.Keys {
		if l.Keys[i].Equal(key) {
			return &l.Keys[i]
		}
	}
	return nil
}

// withID returns the entry of the key with a number, or nil.
func (l *KeyList) withID(id uint64) *ListedKey {
	for i := range l.Keys {
		if l.Keys[i].ID() == id {
			return &l.Keys[i]
		}
	}
	return nil
}

// Find returns the entry of a key, and whether the list has it.
func (l *KeyList) Find(key minisign.PublicKey) (ListedKey, bool) {
	if listed := l.find(key); listed != nil {
		return *listed, true
	}
	return ListedKey{}, false
}

// HasRevoked reports whether a key of the list is revoked, so that manifests which an index lists may not be valid any more.
func (l *KeyList) HasRevoked() bool {
	return slices.ContainsFunc(l.Keys, func(key ListedKey) bool { return key.State == manifest.Revoked })
}

// Ring returns all keys of the list, also those that may not sign any more.
func (l *KeyList) Ring() Keyring {
	var ring Keyring
	for _, key := range l.Keys {
		ring = append(ring, key.PublicKey)
	}
	return ring
}

// roots returns the numbers of the active roots.
func (l *KeyList) roots() []uint64 {
	var roots []uint64
	for _, listed := range l.Keys {
		if listed.Role == manifest.Root && listed.State == manifest.Active {
			roots = append(roots, listed.ID())
		}
	}
	return roots
}

// Anchor returns the key that readers who do not know the place yet should trust: a root that agreed to the list by signing a change of it, if one is still
// active, else any active root. found is false if there is none.
func (l *KeyList) Anchor() (key minisign.PublicKey, found bool) {
	for _, listed := range l.Keys {
		if listed.Role != manifest.Root || listed.State != manifest.Active {
			continue
		}
		if l.signers.has(listed.PublicKey) {
			return listed.PublicKey, true
		}
		if !found {
			key, found = listed.PublicKey, true
		}
	}
	return key, found
}

// CheckIndex is like Keyring.Check, for an index: only active keys may sign it.
func (l *KeyList) CheckIndex(what string, content, signature []byte) (minisign.PublicKey, error) {
	return l.check(what, content, signature, manifest.Active)
}

// CheckManifest is like Keyring.Check, for a manifest that an accepted index lists: keys that were retired since may have signed it.
func (l *KeyList) CheckManifest(what string, content, signature []byte) (minisign.PublicKey, error) {
	return l.check(what, content, signature, manifest.Active, manifest.Retired)
}

func (l *KeyList) check(what string, content, signature []byte, states ...manifest.KeyState) (minisign.PublicKey, error) {
	key, err := l.Ring().Check(what, content, signature)
	var refused *SignatureError
	if err == nil {
		state := l.find(key).State
		if slices.Contains(states, state) {
			return key, nil
		}
		refused = &SignatureError{What: what, KeyID: key.ID(), Err: ErrRetiredKey}
		if state == manifest.Revoked {
			refused.Err = ErrRevokedKey
		}
	} else if !errors.As(err, &refused) {
		return key, err
	}
	refused.Trusted, refused.Listed = nil, len(l.Changes) > 0
	for _, listed := range l.Keys {
		if slices.Contains(states, listed.State) {
			refused.Trusted = append(refused.Trusted, listed.ID())
		}
	}
	return minisign.PublicKey{}, refused
}

// vouched reports whether a key of the ring signed a change of the list, or is signer, which signed the whole index. Then its owner
// has said that the list is right, and each later change was signed by somebody whom the list allowed to.
func (l *KeyList) vouched(ring Keyring, signer minisign.PublicKey) bool {
	return ring.has(signer) || slices.ContainsFunc(l.signers, ring.has)
}
