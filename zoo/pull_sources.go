package zoo

import (
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
	server, err := httpstore.New(address, z.options.HTTP)
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
