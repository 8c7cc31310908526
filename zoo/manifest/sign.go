package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"aead.dev/minisign"
)

// SignatureSuffix is appended to the name of a file to give the name of its signature.
const SignatureSuffix = ".minisig"

// MaxSignature bounds a signature file in bytes; an honest one has about 300.
const MaxSignature = 4 << 10

// ErrPassword says that a secret key is encrypted and the password does not open it.
var ErrPassword = errors.New("wrong password, or a damaged secret key")

// maxKey bounds a key file in bytes.
const maxKey = 4 << 10

// Sign gives a detached signature over the exact bytes of a file, as the minisign tool makes and checks it. comment is signed too: it says
// what the file is, on one line. The same input gives the same signature.
func Sign(key minisign.PrivateKey, content []byte, comment string) []byte {
	reader := minisign.NewReader(bytes.NewReader(content))
	_, _ = io.Copy(io.Discard, reader) // reading memory does not fail
	return reader.SignWithComments(key, comment, "signature from beitzoo secret key "+KeyID(key.ID()))
}

// KeyID is the form in which the minisign tool prints the number of a key.
func KeyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// ReadSecretKey reads a secret key file of the minisign tool. password is asked for only where the key is encrypted; it may be nil where
// keys are known to be open.
func ReadSecretKey(path string, password func() (string, error)) (minisign.PrivateKey, error) {
	raw, err := readSmall(path)
	if err != nil {
		return minisign.PrivateKey{}, err
	}
	if minisign.IsEncrypted(raw) {
		return decrypt(path, raw, password)
	}
	var key minisign.PrivateKey
	if err := key.UnmarshalText(raw); err != nil {
		return key, fmt.Errorf("%s is no minisign secret key: %w", path, err)
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

// ReadPublicKey takes the path of a public key file of the minisign tool, or the key itself as the tool prints it.
func ReadPublicKey(keyOrPath string) (minisign.PublicKey, error) {
	var key minisign.PublicKey
	if key.UnmarshalText([]byte(keyOrPath)) == nil {
		return key, nil
	}
	raw, err := readSmall(keyOrPath)
	if err != nil {
		return key, &KeyError{fmt.Sprintf("%.80q is neither a minisign public key nor a file that can be read", keyOrPath), err}
	}
	if err := key.UnmarshalText(raw); err != nil {
		return key, &KeyError{fmt.Sprintf("%.80q is no minisign public key", keyOrPath), err}
	}
	return key, nil
}

// KeyError says that what a user gave as a key is none.
type KeyError struct {
	What string
	Err  error
}

func (e *KeyError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *KeyError) Unwrap() error { return e.Err }

// Hint says what keys look like.
func (e *KeyError) Hint() string {
	return "give the file that minisign -G wrote, or for a public key the line itself, which begins with RW"
}

// readSmall reads a file that can only be small.
func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxKey+1))
	if err == nil && len(raw) > maxKey {
		err = fmt.Errorf("%s has more than %d bytes", path, maxKey)
	}
	return raw, err
}
