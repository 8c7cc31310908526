package trust

import (
	"bytes"
	"fmt"
	"io"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// ErrPassword says that a secret key is encrypted and the password does not open it.
var ErrPassword = errdef.New(errdef.ErrInput, "wrong password, or a damaged secret key")

// maxKey bounds a key file in bytes; an honest one has about 300.
const maxKey = 4 << 10

// Sign returns a detached signature over the exact bytes of a file, in the format of the minisign tool. comment is signed too: it says on one
// line what the file is. The same input makes the same signature.
func Sign(key minisign.PrivateKey, content []byte, comment string) []byte {
	reader := minisign.NewReader(bytes.NewReader(content))
	_, _ = io.Copy(io.Discard, reader) // reading memory does not fail
	return reader.SignWithComments(key, comment, "signature from beitzoo secret key "+KeyID(key.ID()))
}

// KeyID returns the number of a key in the form in which the minisign tool prints it.
func KeyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// SignerOf returns the number of the key that a signature names, in the form in which the minisign tool prints it, or "" if it is not a signature. Whether the
// signature is right is for Keyring.Check.
func SignerOf(signature []byte) string {
	var parsed minisign.Signature
	if len(signature) > manifest.MaxSignature || parsed.UnmarshalText(signature) != nil {
		return ""
	}
	return KeyID(parsed.KeyID)
}

// GenerateKey returns a new secret key.
func GenerateKey() (minisign.PrivateKey, error) {
	_, key, err := minisign.GenerateKey(nil)
	return key, err
}

// EncodeSecretKey returns the file of a secret key, as the minisign tool writes it. It is encrypted unless the password is empty. Encrypting takes
// seconds and a gigabyte of memory, like decrypting: so does guessing.
func EncodeSecretKey(key minisign.PrivateKey, password string) ([]byte, error) {
	content, err := key.MarshalText()
	if password != "" {
		content, err = minisign.EncryptKey(password, key)
	}
	return append(content, '\n'), err
}

// EncodePublicKey returns the file of a public key, as the minisign tool writes it.
func EncodePublicKey(key minisign.PublicKey) ([]byte, error) {
	content, err := key.MarshalText()
	return append(content, '\n'), err
}

// IsSecretKey reports whether a file has the form of a secret key of the minisign tool, and whether it is encrypted.
func IsSecretKey(path string) (is, encrypted bool, err error) {
	raw, err := disk.ReadFile(path, maxKey)
	if err != nil {
		return false, false, err
	}
	var key minisign.PrivateKey
	encrypted = minisign.IsEncrypted(raw)
	return encrypted || key.UnmarshalText(raw) == nil, encrypted, nil
}

// ReadSecretKey reads a secret key file of the minisign tool. It calls password only if the key is encrypted. A wrong password, or none (password is
// nil), is ErrPassword.
func ReadSecretKey(path string, password func() (string, error)) (minisign.PrivateKey, error) {
	raw, err := disk.ReadFile(path, maxKey)
	if err != nil {
		return minisign.PrivateKey{}, err
	}
	if minisign.IsEncrypted(raw) {
		return decrypt(path, raw, password)
	}
	var key minisign.PrivateKey
	if err := key.UnmarshalText(raw); err != nil {
		return key, &KeyError{What: path + " is not a minisign secret key", Err: err, Secret: true}
	}
	return key, nil
}

func decrypt(path string, raw []byte, password func() (string, error)) (minisign.PrivateKey, error) {
	if password == nil {
		return minisign.PrivateKey{}, fmt.Errorf("%s: the secret key is encrypted: %w", path, ErrPassword)
	}
	secret, err := password()
	if err != nil {
		return minisign.PrivateKey{}, fmt.Errorf("asking for the password of %s: %w", path, err)
	}
	key, err := minisign.DecryptKey(secret, raw)
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, ErrPassword)
	}
	return key, nil
}

// ReadPublicKey reads a public key: keyOrPath is the path of a public key file of the minisign tool, or the key itself as the tool prints it. Errors are
// of type *KeyError.
func ReadPublicKey(keyOrPath string) (minisign.PublicKey, error) {
	var key minisign.PublicKey
	if key.UnmarshalText([]byte(keyOrPath)) == nil {
		return key, nil
	}
	raw, err := disk.ReadFile(keyOrPath, maxKey)
	if err != nil {
		return key, &KeyError{What: fmt.Sprintf("%.80q is neither a minisign public key nor a file that can be read", keyOrPath), Err: err}
	}
	if err := key.UnmarshalText(raw); err != nil {
		return key, &KeyError{What: fmt.Sprintf("%.80q is not a minisign public key", keyOrPath), Err: err}
	}
	return key, nil
}

// KeyError says that what a user gave as a public key is not one.
type KeyError struct {
	// What says what was given, and why it is not a key.
	What string
	// Err is the cause.
	Err error
	// Secret: a secret key was wanted.
	Secret bool
}

func (e *KeyError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *KeyError) Unwrap() error { return e.Err }

// Is makes a KeyError an errdef.ErrUsage.
func (*KeyError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what keys look like.
func (e *KeyError) Hint() string {
	if e.Secret {
		return "give the file of the secret key, not that of the public one beside it"
	}
	return "give the public key file that the tool wrote beside the secret key, or its second line, which begins with RW"
}
