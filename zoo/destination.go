package zoo

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// PlaceOptions say how places are reached.
type PlaceOptions struct {
	HTTP  httpstore.Options
	Retry retry.Options
	// Registry is for OCI registries.
	Registry ocistore.RegistryOptions
}

// RegistryScheme begins the address of an OCI registry: oci://HOST/REPOSITORY.
const RegistryScheme = "oci://"

// OpenPlace opens the place that a user names: oci://HOST/REPOSITORY, an address of http or https, a bundle's file, or a folder. The caller calls
// close when the place is no longer used.
func OpenPlace(ctx context.Context, address string, options PlaceOptions) (place Place, closer io.Closer, err error) {
	scheme, rest, hasScheme := strings.Cut(address, "://")
	switch {
	case hasScheme && scheme == "oci":
		place, err = OpenRepository(rest, options.Registry)
		return place, nothing{}, err
	case hasScheme && (scheme == "http" || scheme == "https"):
		place, err = OpenTree(address, options.HTTP, options.Retry)
		return place, nothing{}, err
	case hasScheme:
		return nil, nil, fmt.Errorf("%w: an address that begins with %q; use oci://, https://, a file or a folder", store.ErrInvalid, clip(scheme)+"://")
	}
	if info, err := os.Stat(address); err == nil && !info.IsDir() {
		pack, err := OpenBundle(ctx, address)
		return pack, pack, err
	}
	place, err = OpenFolder(address)
	return place, nothing{}, err
}

// OpenDestination opens a place that can be written to: oci://HOST/REPOSITORY, or a folder.
func OpenDestination(ctx context.Context, address string, options PlaceOptions) (Publishing, error) {
	place, closer, err := OpenPlace(ctx, address, options)
	if err != nil {
		return nil, err
	}
	if destination, ok := place.(Publishing); ok {
		return destination, nil
	}
	closer.Close()
	return nil, &store.SourceError{
		Source: place.String(), Kind: store.ErrReadOnly, Advice: "publish to a folder, and put that behind your HTTP server; or to oci://HOST/REPOSITORY",
	}
}

// nothing need be closed.
type nothing struct{}

func (nothing) Close() error { return nil }

// clip shortens what a user typed for a message.
func clip(text string) string {
	if len(text) > 60 {
		return text[:60]
	}
	return text
}
