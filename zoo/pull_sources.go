package zoo

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/fsstore"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// upstream returns the store that has the file at an address.
func (z *Zoo) upstream(address string) (store.Fetcher, error) {
	if name, embedded := strings.CutPrefix(address, manifest.EmbeddedScheme); embedded {
		return fsstore.New(z.options.Embedded, name, "the program itself"), nil
	}
	if z.options.Offline {
		return nil, &OfflineError{What: address}
	}
	options := z.options.HTTP
	options.Credentials = httpstore.First(z.options.Hub.Credentials(), options.Credentials)
	server, err := httpstore.New(z.options.Hub.Address(address), options)
	if err != nil {
		return nil, err
	}
	return retry.New(server, z.options.Retry), nil
}

// archived returns the blob of an upstream file if a bundle among the places has it.
func (z *Zoo) archived(address string) (store.Fetcher, store.Blob, bool) {
	for _, from := range z.options.Places {
		if archive, ok := from.(place.Archive); ok {
			if blob, found := archive.Upstream(address); found {
				return from.Blobs(), blob, true
			}
		}
	}
	return nil, store.Blob{}, false
}

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
	pin, own, err := p.records.Pin(source.Address)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return known, err
	}
	known.Digest, known.Size, known.pinned, known.shared = pin.Digest, pin.Size, true, !own
	return known, nil
}
