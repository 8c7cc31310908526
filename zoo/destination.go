package zoo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
// close when the place is no longer used. An address that makes no sense is an *AddressError; a file or folder that is not there, fs.ErrNotExist.
func OpenPlace(ctx context.Context, address string, options PlaceOptions) (place Place, closer io.Closer, err error) {
	if place, err := openAddress(address, options); place != nil || err != nil {
		return place, nothing{}, err
	}
	info, err := os.Stat(address)
	switch {
	case err != nil:
		return nil, nil, err
	case info.IsDir():
		place, err = OpenFolder(address)
		return place, nothing{}, err
	}
	pack, err := OpenBundle(ctx, address)
	return pack, pack, err
}

// openAddress opens what is behind a network; nil where address is a path.
func openAddress(address string, options PlaceOptions) (Place, error) {
	scheme, rest, hasScheme := strings.Cut(address, "://")
	var place Place
	var err error
	switch {
	case !hasScheme:
		return nil, nil
	case scheme == "oci":
		place, err = OpenRepository(rest, options.Registry)
	case scheme == "http" || scheme == "https":
		place, err = OpenTree(address, options.HTTP, options.Retry)
	default:
		err = fmt.Errorf("%w: an address that begins with %.60q", store.ErrInvalid, scheme+"://")
	}
	if errors.Is(err, store.ErrInvalid) {
		err = &AddressError{err}
	}
	if err != nil {
		return nil, err
	}
	return place, nil
}

// AddressError says that what a user typed names no place.
type AddressError struct{ Err error }

func (e *AddressError) Error() string { return e.Err.Error() }
func (e *AddressError) Unwrap() error { return e.Err }

// Hint lists what there is.
func (e *AddressError) Hint() string {
	return "places are oci://HOST/REPOSITORY, https://HOST/FOLDER, folders, and files that beitzoo bundle made"
}

// OpenDestination opens a place that can be written to: oci://HOST/REPOSITORY, or a folder, which need not be there yet.
func OpenDestination(ctx context.Context, address string, options PlaceOptions) (Publishing, error) {
	place, closer, err := OpenPlace(ctx, address, options)
	if errors.Is(err, fs.ErrNotExist) {
		return OpenFolder(address)
	}
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
