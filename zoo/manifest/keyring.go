package manifest

import (
	"errors"
	"fmt"
	"strings"

	"aead.dev/minisign"
)

// Why a signature was refused; a *SignatureError wraps one of them.
var (
	// ErrUnknownKey: the signature is by a key that nobody said to trust.
	ErrUnknownKey = errors.New("signed by a key that is not trusted")
	// ErrBadSignature: the content is not what was signed.
	ErrBadSignature = errors.New("the signature does not match the content")
	// ErrNoSignature: there is no signature, or the file is none.
	ErrNoSignature = errors.New("there is no signature")
)

// SignatureError says whose signature was refused, and why.
type SignatureError struct {
	// What was signed, for people.
	What string
	// KeyID is the number of the key that the signature names, 0 without a signature.
	KeyID uint64
	// Trusted are the numbers of the keys that would have done.
	Trusted []uint64
	Err     error
}

func (e *SignatureError) Error() string {
	if e.KeyID == 0 {
		return fmt.Sprintf("%s: %s", e.What, e.Err)
	}
	return fmt.Sprintf("%s: %s (key %s)", e.What, e.Err, KeyID(e.KeyID))
}

func (e *SignatureError) Unwrap() error { return e.Err }

// Hint says how to trust a key, or what to do about a bad signature.
func (e *SignatureError) Hint() string {
	if errors.Is(e.Err, ErrBadSignature) {
		return "the file was changed after it was signed; fetch it again, or ask the publisher"
	}
	ids := make([]string, len(e.Trusted))
	for i, id := range e.Trusted {
		ids[i] = KeyID(id)
	}
	known := "no key is trusted yet"
	if len(ids) > 0 {
		known = "trusted: " + strings.Join(ids, ", ")
	}
	return known + "; once the publisher has told you the key, pass --trust KEY (a file, or the key itself)"
}

// Keyring are the public keys whose signatures are accepted. The zero value trusts nobody.
type Keyring []minisign.PublicKey

// Check accepts content only with a signature by a key of the ring, and gives that key. what names the content in errors, which are of type
// *SignatureError.
func (k Keyring) Check(what string, content, signature []byte) (minisign.PublicKey, error) {
	refused := &SignatureError{What: what, Err: ErrNoSignature}
	for _, key := range k {
		refused.Trusted = append(refused.Trusted, key.ID())
	}
	var parsed minisign.Signature
	if len(signature) > MaxSignature || parsed.UnmarshalText(signature) != nil {
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

// Has tells whether the ring holds key.
func (k Keyring) Has(key minisign.PublicKey) bool {
	for _, other := range k {
		if other.Equal(key) {
			return true
		}
	}
	return false
}
