package folder

import (
	"context"
	"io"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Store is a Folder as a store.Store, for stores to embed.
type Store struct{ folder Folder }

var (
	_ store.Store        = Store{}
	_ store.RangeFetcher = Store{}
)

// Store returns a store of the folder.
func (f Folder) Store() Store { return Store{f} }

// Dir returns the folder.
func (s Store) Dir() string { return s.folder.Root }

// Stat implements store.Stater.
func (s Store) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	return s.folder.Stat(blob)
}

// Fetch implements store.Fetcher.
func (s Store) Fetch(_ context.Context, blob store.Blob) (io.ReadCloser, error) {
	file, err := s.folder.Open(blob)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// FetchRange implements store.RangeFetcher. The version has no meaning here.
func (s Store) FetchRange(_ context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	file, err := s.folder.Open(blob)
	if err != nil {
		return nil, err
	}
	return Section(file, span), nil
}

// Push implements store.Pusher.
func (s Store) Push(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	return s.folder.Push(ctx, blob, content, s.folder.Blobs())
}
