package ocistore

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// TestHoldingBack wants a registry to get the last byte only if all bytes are verified.
func TestHoldingBack(t *testing.T) {
	content := bytes.Repeat([]byte("weights."), 100)
	flipped := bytes.Clone(content)
	flipped[len(flipped)-1] ^= 1
	blob := store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content))}
	for name, test := range map[string]struct {
		content []byte
		ok      bool
	}{"right": {content, true}, "flipped": {flipped, false}, "long": {append(bytes.Clone(content), 0), false}, "short": {content[:799], false}, "empty": {nil, false}} {
		for shape, wrap := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader, "with EOF": iotest.DataErrReader, "by halves": iotest.HalfReader,
		} {
			got, err := io.ReadAll(&holdbackReader{from: store.NewVerifier(wrap(bytes.NewReader(test.content)), blob, "")})
			if test.ok && (err != nil || !bytes.Equal(got, content)) {
				t.Errorf("%s, %s: got %d bytes, %v", name, shape, len(got), err)
			}
			if !test.ok && (!errors.Is(err, store.ErrDigestMismatch) || len(got) >= len(content)) {
				t.Errorf("%s, %s: %d bytes got out, %v", name, shape, len(got), err)
			}
		}
	}
	if got, err := io.ReadAll(&holdbackReader{from: bytes.NewReader(nil)}); err != nil || len(got) > 0 {
		t.Errorf("nothing: got %d bytes, %v", len(got), err)
	}
}
