package zoo

import (
	"errors"
	"io/fs"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// identity says what is known of an upstream file beforehand.
type identity struct {
	store.Blob
	// pinned tells that the digest is one that was pinned, not one of the manifest.
	pinned bool
	// shared tells that it was pinned by somebody else who uses the cache.
	shared bool
}

// identify finds the digest of a source: that of the manifest, or the pinned one.
func (p *pull) identify(source manifest.Source) (identity, error) {
	known := identity{Blob: store.Blob{Digest: source.Digest, Size: store.UnknownSize, Name: source.Address}}
	if source.Size > 0 {
		known.Size = source.Size
	}
	if known.Digest != "" || p.options.Repin {
		return known, nil
	}
	pin, ours, err := p.records.pin(source.Address)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return known, err
	}
	known.Digest, known.Size, known.pinned, known.shared = pin.Digest, pin.Size, true, !ours
	return known, nil
}
