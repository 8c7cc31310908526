package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// registryScheme begins the address of an OCI registry: oci://HOST/REPOSITORY.
const registryScheme = "oci://"

// Options say how places are reached.
type Options struct {
	// HTTP and Retry are for folders behind an HTTP server.
	HTTP  httpstore.Options
	Retry retry.Options
	// Registry is for OCI registries.
	Registry ocistore.RegistryOptions
}

// Open opens the place at an address: oci://HOST/REPOSITORY, an http or https URL, the path of a bundle, or the path of a folder. It sends nothing over
// the network yet. The caller closes closer when the place is no longer used. An address of another form is an *AddressError, a file or folder that
// does not exist an fs.ErrNotExist.
func Open(ctx context.Context, address string, options Options) (place Place, closer io.Closer, err error) {
	if place, err := openAddress(address, options); place != nil || err != nil {
		return place, noClose{}, err
	}
	info, err := os.Stat(address)
	switch {
	case err != nil:
		return nil, nil, err
	case info.IsDir():
		place, err = OpenFolder(address)
		return place, noClose{}, err
	}
	bundle, err := OpenBundle(ctx, address)
	return bundle, bundle, err
}

// openAddress opens a place at a URL. It returns nil if address is a path.
func openAddress(address string, options Options) (Place, error) {
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

// AddressError says that an address does not name a place.
type AddressError struct{ Err error }

func (e *AddressError) Error() string { return e.Err.Error() }
func (e *AddressError) Unwrap() error { return e.Err }

// Is makes an AddressError an errdef.ErrUsage.
func (*AddressError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint lists the forms of an address.
func (*AddressError) Hint() string {
	return "places are oci://HOST/REPOSITORY, https://HOST/FOLDER, folders, and files of bundles"
}

// OpenDestination opens a place that can be written to: oci://HOST/REPOSITORY, or a folder, which is made when something is first published. A place
// that is read-only is store.ErrReadOnly; other errors are those of Open. A Destination does not have to be closed.
func OpenDestination(ctx context.Context, address string, options Options) (Destination, error) {
	place, closer, err := Open(ctx, address, options)
	if errors.Is(err, fs.ErrNotExist) {
		return OpenFolder(address)
	}
	if err != nil {
		return nil, err
	}
	if destination, ok := place.(Destination); ok {
		return destination, nil
	}
	closer.Close()
	return nil, &store.SourceError{
		Source: place.String(), Kind: store.ErrReadOnly, Advice: "publish to oci://HOST/REPOSITORY, or to a folder that your HTTP server serves",
	}
}

// noClose is the Closer of places that need none.
type noClose struct{}

func (noClose) Close() error { return nil }
