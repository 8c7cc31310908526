package zoo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// Archive is a Place that also has upstream files, by address: a bundle.
type Archive interface {
	Place
	// Upstream gives the blob of an upstream file, and whether it is there.
	Upstream(address string) (store.Blob, bool)
}

// upstream gives the store that has the file at an address.
func (z *Zoo) upstream(address string) (store.Fetcher, error) {
	if name, embedded := strings.CutPrefix(address, manifest.EmbeddedScheme); embedded {
		return inside{files: z.options.Embedded, name: name}, nil
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

// archived gives the blob of an upstream file that one of the places has.
func (z *Zoo) archived(address string) (store.Fetcher, store.Blob, bool) {
	for _, place := range z.options.Places {
		if archive, ok := place.(Archive); ok {
			if blob, found := archive.Upstream(address); found {
				return place.Blobs(), blob, true
			}
		}
	}
	return nil, store.Blob{}, false
}

// inside is a file inside the program.
type inside struct {
	files fs.FS
	name  string
}

var _ store.RangeFetcher = inside{}

func (f inside) open() (fs.File, error) {
	if f.files == nil {
		return nil, fmt.Errorf("%w: %s is not inside this program", store.ErrNotFound, f.name)
	}
	file, err := f.files.Open(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s is not inside this program", store.ErrNotFound, f.name)
	}
	return file, err
}

// Stat implements store.Stater.
func (f inside) Stat(context.Context, store.Blob) (store.Info, error) {
	file, err := f.open()
	if err != nil {
		return store.Info{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return store.Info{}, err
	}
	return store.Info{Size: info.Size(), Version: "program", Source: "the program itself"}, nil
}

// Fetch implements store.Fetcher.
func (f inside) Fetch(context.Context, store.Blob) (io.ReadCloser, error) { return f.open() }

// FetchRange implements store.RangeFetcher.
func (f inside) FetchRange(_ context.Context, _ store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	file, err := f.open()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, file, span.Offset); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, span.Size), file}, nil
}
