package place

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// A bundle is an ocistore.Bundle with everything that its entries need: the artifacts and the signed index of a place, or, for entries of the
// program itself, their upstream checkpoints.
const (
	// upstreamTag is the tag of the artifact with upstream checkpoints.
	upstreamTag = "zoo-upstream"
	// upstreamFile is the file of that artifact that lists the checkpoints, as pins in JSON.
	upstreamFile = "upstream.json"
	// originKey is the annotation with the name of the place that a bundle was made from.
	originKey = "com.github.beitzoo.origin"
)

// Bundle is a read-only Place in one file, which needs no network.
type Bundle struct {
	file             *ocistore.Bundle
	name             string
	index, signature []byte
	// upstream are the checkpoints, by address.
	upstream map[string]store.Blob
}

var _ Archive = (*Bundle)(nil)

// OpenBundle opens the file that a BundleWriter wrote. The caller closes it. Nothing is unpacked. Errors about the content wrap store.ErrInvalid.
func OpenBundle(ctx context.Context, path string) (*Bundle, error) {
	file, err := ocistore.OpenBundle(path)
	if err != nil {
		return nil, err
	}
	b := &Bundle{file: file, name: "bundle " + filepath.Base(path)}
	if err := errors.Join(unlessAbsent(b.readIndex(ctx)), unlessAbsent(b.readUpstream(ctx))); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return b, nil
}

// Close closes the file.
func (b *Bundle) Close() error { return b.file.Close() }

func (b *Bundle) readIndex(ctx context.Context) error {
	index, signature, a, err := readIndex(ctx, b.file, b.name)
	if err != nil {
		return err
	}
	b.index, b.signature = index, signature
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if origin := a.Annotations[originKey]; origin != "" && len(origin) < 1000 && !strings.ContainsFunc(origin, unprintable) {
		b.name = origin // a false name does no harm: the index must be signed by a key that is pinned for that place
	}
	return nil
}

func (b *Bundle) readUpstream(ctx context.Context) error {
	a, _, err := ocistore.Read(ctx, b.file, upstreamTag)
	if err != nil {
		return err
	}
	raw, err := readFile(ctx, b.file, a, upstreamFile, manifest.MaxSize)
	if err != nil {
		return err
	}
	var checkpoints []pins.Pin
	if err := json.Unmarshal(raw, &checkpoints); err != nil {
		return fmt.Errorf("%w: %s cannot be read", store.ErrInvalid, upstreamFile)
	}
	b.upstream = map[string]store.Blob{}
	for _, pin := range checkpoints {
		if err := store.CheckDigest(pin.Digest); err != nil {
			return err
		}
		b.upstream[pin.Address] = store.Blob{Digest: pin.Digest, Size: pin.Size, Name: pin.Address}
	}
	return nil
}

// String implements Place. A bundle has the name of the place that it was made from, so the keys that are pinned for that place apply to it.
func (b *Bundle) String() string { return b.name }

// Local implements Place.
func (b *Bundle) Local() bool { return true }

// Blobs implements Place.
func (b *Bundle) Blobs() store.Fetcher { return b.file }

// Index implements Place.
func (b *Bundle) Index(context.Context) (index, signature []byte, err error) {
	if b.index == nil {
		return nil, nil, fmt.Errorf("%w: the bundle has no index", store.ErrNotFound)
	}
	return b.index, b.signature, nil
}

// Upstream implements Archive.
func (b *Bundle) Upstream(address string) (store.Blob, bool) {
	blob, found := b.upstream[address]
	return blob, found
}
