package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// The reasons for which a signature is refused. A *SignatureError wraps one of them.
var (
	// ErrUnknownKey: the signature is by a key that is not in the ring.
	ErrUnknownKey = errdef.New(errdef.ErrIntegrity, "signed by a key that is not trusted")
	// ErrBadSignature: the content is not what was signed.
	ErrBadSignature = errdef.New(errdef.ErrIntegrity, "the signature does not match the content")
	// ErrRetiredKey: the signature is by a key that was replaced. ErrRevokedKey: it is by one that may be in the wrong hands.
	ErrRetiredKey = errdef.New(errdef.ErrIntegrity, "signed by a key that was retired")
	ErrRevokedKey = errdef.New(errdef.ErrIntegrity, "signed by a key that was revoked")
	// ErrNoSignature: there is no signature, or it is malformed.
	ErrNoSignature = errdef.New(errdef.ErrIntegrity, "there is no signature")
)

// SignatureError says whose signature was refused, and why.
type SignatureError struct {
	// What names what was signed, for messages.
	What string
	// KeyID is the number of the key that the signature names, 0 if there is no signature.
	KeyID uint64
	// Trusted are the numbers of the keys that would have been accepted.
	Trusted []uint64
	// Listed reports that these are the keys of a list that the place has, to which only its roots can add others.
	Listed bool
	// Roots are the numbers of the roots that a list names which nobody whom the user trusts has agreed to, if it also names a key that the user trusts.
	Roots []uint64
	// Archived reports that this is in a bundle, which nobody can sign again.
	Archived bool
	// Err is ErrUnknownKey, ErrBadSignature, ErrRetiredKey, ErrRevokedKey or ErrNoSignature.
	Err error
}

func (e *SignatureError) Error() string {
	if e.KeyID == 0 {
		return fmt.Sprintf("%s: %s", e.What, e.Err)
	}
	return fmt.Sprintf("%s: %s (key %s)", e.What, e.Err, KeyID(e.KeyID))
}

func (e *SignatureError) Unwrap() error { return e.Err }

// Is makes every SignatureError an errdef.ErrIntegrity.
func (*SignatureError) Is(kind error) bool { return kind == errdef.ErrIntegrity }

// Hint says which keys are trusted, or what to do about a bad signature.
func (e *SignatureError) Hint() string {
	switch {
	case errors.Is(e.Err, ErrBadSignature):
		return "the file was changed after it was signed; fetch it again, or ask the publisher"
	case e.Archived && (errors.Is(e.Err, ErrRetiredKey) || errors.Is(e.Err, ErrRevokedKey)):
		return "the bundle was made before the key was removed: make it anew from the place, or ask whoever made it"
	case errors.Is(e.Err, ErrRetiredKey), errors.Is(e.Err, ErrRevokedKey):
		return "whoever has the old key may have made this: ask the publisher, who can sign it again with a key that is valid"
	}
	if len(e.Roots) > 0 {
		return "the list of keys names a key that you trust, but anybody can write such a list: trust a root of the place, " + ids(e.Roots)
	}
	if e.Listed {
		return "only keys in the list of the place count, which its roots can change; ask the publisher"
	}
	known := "no key is trusted yet"
	if len(e.Trusted) > 0 {
		known = "trusted: " + ids(e.Trusted)
	}
	return known + "; ask the publisher for the key, and add it to the trusted ones"
}

// ids returns the numbers of keys as the minisign tool prints them.
func ids(keys []uint64) string {
	var shown []string
	for _, id := range keys {
		shown = append(shown, KeyID(id))
	}
	return strings.Join(shown, ", ")
}

// Keyring are the public keys whose signatures are accepted. The zero value trusts nobody.
type Keyring []minisign.PublicKey

// Check accepts content only with a signature by a key of the ring, and returns that key. what names the content in errors, which are of type
// *SignatureError.
func (k Keyring) Check(what string, content, signature []byte) (minisign.PublicKey, error) {
	refused := &SignatureError{What: what, Err: ErrNoSignature}
	for _, key := range k {
		refused.Trusted = append(refused.Trusted, key.ID())
	}
	var parsed minisign.Signature
	if len(signature) > manifest.MaxSignature || parsed.UnmarshalText(signature) != nil {
		return minisign.PublicKey{}, refused
	}
	refused.KeyID, refused.Err = parsed.KeyID, ErrUnknownKey
	for _, key := range k {
		if key.ID() != parsed.KeyID {
			continue
		}
		if minisign.Verify(key, content, signature) {
			return key, nil
		}
		refused.Err = ErrBadSignature
	}
	return minisign.PublicKey{}, refused
}

// has reports whether the ring holds key.
func (k Keyring) has(key minisign.PublicKey) bool {
	return slices.ContainsFunc(k, func(other minisign.PublicKey) bool { return other.Equal(key) })
}

// ChangeError says that the list of keys of a place cannot be changed in this way.
type ChangeError struct {
	Place string
	// Err says why.
	Err error
}

func (e *ChangeError) Error() string {
	return fmt.Sprintf("the keys of %s stay as they are: %s", e.Place, e.Err)
}

// Is makes a ChangeError an errdef.ErrUsage.
func (*ChangeError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Unwrap returns the reason.
func (e *ChangeError) Unwrap() error { return e.Err }

// Hint says what is allowed.
func (e *ChangeError) Hint() string {
	switch {
	case errors.Is(e.Err, ErrKeyListed):
		return "make a new key"
	case errors.Is(e.Err, ErrKeyNotListed), errors.Is(e.Err, ErrKeyRemoved):
		return "look at the list of keys, and check which one is meant"
	}
	return "the list is changed by an active root alone, and always has one"
}

// Reasons of a ChangeError that say something about one key.
var (
	// ErrKeyListed: it was added before.
	ErrKeyListed = errdef.New(errdef.ErrUsage, "a key is never added twice, its role never changes, and one that was removed never comes back")
	// ErrKeyNotListed: it is to be removed, and was never added.
	ErrKeyNotListed = errdef.New(errdef.ErrUsage, "is not in the list")
	// ErrKeyRemoved: it is to be removed, and was removed before.
	ErrKeyRemoved = errdef.New(errdef.ErrUsage, "nothing is to be done")
)
