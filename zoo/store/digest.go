package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/text"
)

const digestPrefix = "sha256:"

// ParseDigest reads a SHA-256 digest with or without its prefix "sha256:". The error is an ErrInvalid.
func ParseDigest(word string) (digest.Digest, error) {
	if !strings.Contains(word, ":") {
		word = digestPrefix + word
	}
	d := digest.Digest(word)
	return d, CheckDigest(d)
}

// CheckDigest returns an ErrInvalid unless d is "sha256:" and 64 lower-case hexadecimal digits. It is stricter than digest.Digest.Validate, which allows
// other algorithms. For a digest that passes, d.Encoded does not panic and is safe as a file name.
func CheckDigest(d digest.Digest) error {
	digits, ok := strings.CutPrefix(string(d), digestPrefix)
	if !ok || len(digits) != hex.EncodedLen(sha256.Size) || strings.Trim(digits, "0123456789abcdef") != "" {
		return fmt.Errorf("%w: digest %s is not sha256: and 64 lower-case hexadecimal digits", ErrInvalid, text.Quote(string(d)))
	}
	return nil
}

// sumOf returns the digest of what was written to a SHA-256 hash.
func sumOf(h hash.Hash) digest.Digest { return digest.NewDigest(digest.SHA256, h) }
