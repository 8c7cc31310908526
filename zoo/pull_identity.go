package zoo

import (
	"errors"
	"io/fs"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// knownFile says what is known of an upstream file before it is fetched.
type knownFile struct {
	store.Blob
	// pinned reports that the digest is a pinned one, not the manifest's.
	pinned bool
	// shared reports that somebody else who uses the cache pinned it.
	shared bool
}

// identify finds the digest of a source: that of the manifest, or the pinned one.
func (p *pull) identify(source manifest.Source) (knownFile, error) {
	known := knownFile{Blob: store.Blob{Digest: source.Digest, Size: store.UnknownSize, Name: source.Address}}
	if source.Size > 0 {
		known.Size = source.Size
	}
	if known.Digest != "" || p.options.Repin {
		return known, nil
	}
	pin, ours, err := p.records.Pin(source.Address)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return known, err
	}
	known.Digest, known.Size, known.pinned, known.shared = pin.Digest, pin.Size, true, !ours
	return known, nil
}
