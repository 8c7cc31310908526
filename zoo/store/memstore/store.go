package memstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Store is a store in memory. The zero value is empty and ready. All its methods may be called from several goroutines.
type Store struct {
	mu    sync.Mutex
	blobs map[digest.Digest][]byte
}

var (
	_ store.Store        = (*Store)(nil)
	_ store.RangeFetcher = (*Store)(nil)
)

// New returns a store that has contents, which must not change afterwards.
func New(contents ...[]byte) *Store {
	s := new(Store)
	for _, content := range contents {
		s.Put(content)
	}
	return s
}

// Put stores content, which must not change afterwards, and returns its blob.
func (s *Store) Put(content []byte) store.Blob {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs == nil {
		s.blobs = map[digest.Digest][]byte{}
	}
	blob := store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content))}
	s.blobs[blob.Digest] = content
	return blob
}

// Get returns the bytes of a blob, which must not be changed. It returns store.ErrNotFound if the store does not have it.
func (s *Store) Get(blob store.Blob) ([]byte, error) {
	if err := blob.Validate(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.blobs[blob.Digest]
	if !ok {
		return nil, fmt.Errorf("%s: %w", blob, store.ErrNotFound)
	}
	return content, nil
}

// Stat implements store.Stater.
func (s *Store) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	content, err := s.Get(blob)
	if err != nil {
		return store.Info{}, err
	}
	return store.Info{Size: int64(len(content)), Digest: blob.Digest, Version: string(blob.Digest), Ranges: true, Source: "memory"}, nil
}

// Fetch implements store.Fetcher.
func (s *Store) Fetch(_ context.Context, blob store.Blob) (io.ReadCloser, error) {
	content, err := s.Get(blob)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// FetchRange implements store.RangeFetcher. The version has no meaning here.
func (s *Store) FetchRange(_ context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	content, err := s.Get(blob)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(content[span.Offset:span.End()])), nil
}

// Push implements store.Pusher.
func (s *Store) Push(_ context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	if err := blob.Validate(); err != nil {
		return store.Blob{}, err
	}
	verifier := store.NewVerifier(content, blob, "")
	whole, err := io.ReadAll(verifier)
	if err != nil {
		return store.Blob{}, err
	}
	s.Put(whole)
	return verifier.Blob(), nil
}
