package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest is the SHA-256 of some bytes in the form "sha256:" and 64 lower-case hexadecimal digits, as OCI writes it. The empty Digest stands
// for one that nobody knows yet.
type Digest string

const digestPrefix = "sha256:"

// DigestOf computes the digest of bytes in memory.
func DigestOf(content []byte) Digest { return digestFromSum(sha256.Sum256(content)) }

// ParseDigest takes a digest with or without its prefix.
func ParseDigest(text string) (Digest, error) {
	if !strings.Contains(text, ":") {
		text = digestPrefix + text
	}
	d := Digest(text)
	return d, d.Validate()
}

// Validate reports ErrInvalid unless d has the form of a digest. The empty digest has not.
func (d Digest) Validate() error {
	digits, ok := strings.CutPrefix(string(d), digestPrefix)
	if !ok || len(digits) != hex.EncodedLen(sha256.Size) || strings.Trim(digits, "0123456789abcdef") != "" {
		return fmt.Errorf("%w: digest %q is not sha256: and 64 lower-case hexadecimal digits", ErrInvalid, shorten(string(d)))
	}
	return nil
}

// Hex is the digest without its prefix. It is safe as a file name where Validate reported nothing.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// String gives the whole digest, or "unknown digest".
func (d Digest) String() string {
	if d == "" {
		return "unknown digest"
	}
	return string(d)
}

func digestFromSum(sum [sha256.Size]byte) Digest {
	return Digest(digestPrefix + hex.EncodeToString(sum[:]))
}

// shorten keeps a message readable when a hostile file has a megabyte where a word belongs.
func shorten(text string) string {
	const longest = 100
	if len(text) <= longest {
		return text
	}
	return text[:longest] + "..."
}
