package zoo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// memory is a store of small blobs.
type memory [][]byte

func (m memory) find(blob store.Blob) ([]byte, error) {
	at := slices.IndexFunc(m, func(content []byte) bool { return digest.FromBytes(content) == blob.Digest })
	if at < 0 {
		return nil, fmt.Errorf("%w: %s", store.ErrNotFound, blob)
	}
	return m[at], nil
}

// Stat implements store.Stater.
func (m memory) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	content, err := m.find(blob)
	return store.Info{Size: int64(len(content)), Digest: blob.Digest, Source: "memory"}, err
}

// Fetch implements store.Fetcher.
func (m memory) Fetch(_ context.Context, blob store.Blob) (io.ReadCloser, error) {
	content, err := m.find(blob)
	return io.NopCloser(bytes.NewReader(content)), err
}

// beside fetches what is in memory from there and everything else from rest. With store.Mirrors, the user would hear of each blob that the first
// does not have.
type beside struct {
	memory memory
	rest   store.Fetcher
}

// Stat implements store.Stater.
func (b beside) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	if info, err := b.memory.Stat(ctx, blob); err == nil {
		return info, nil
	}
	return b.rest.Stat(ctx, blob)
}

// Fetch implements store.Fetcher.
func (b beside) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	if content, err := b.memory.Fetch(ctx, blob); err == nil {
		return content, nil
	}
	return b.rest.Fetch(ctx, blob)
}

// staging is where artefacts are put together for a bundle: their manifests lie in memory, their files stay where they are until they are written.
type staging struct {
	small memory
	tags  map[string][]byte
	files map[digest.Digest]store.Fetcher
}

var _ ocistore.Place = (*staging)(nil)

func newStaging() *staging {
	return &staging{tags: map[string][]byte{}, files: map[digest.Digest]store.Fetcher{}}
}

// add puts an artefact together whose files are in from.
func (s *staging) add(ctx context.Context, a artefact, from store.Fetcher) error {
	for _, file := range a.Files {
		s.files[file.Blob.Digest] = from
	}
	return a.publish(ctx, from, s, store.Options{})
}

// Stat implements store.Stater.
func (s *staging) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	if from, found := s.files[blob.Digest]; found {
		return from.Stat(ctx, blob)
	}
	return s.small.Stat(ctx, blob)
}

// Fetch implements store.Fetcher.
func (s *staging) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	if from, found := s.files[blob.Digest]; found {
		return from.Fetch(ctx, blob)
	}
	return s.small.Fetch(ctx, blob)
}

// FetchRange implements store.RangeFetcher; a bundle is written in order, so nobody asks for it.
func (s *staging) FetchRange(context.Context, store.Blob, string, store.Span) (io.ReadCloser, error) {
	return nil, store.ErrNoRanges
}

// Push implements store.Pusher: what is not a file of an artefact is small.
func (s *staging) Push(_ context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	verifier := store.NewVerifier(content, blob, "")
	raw, err := io.ReadAll(verifier)
	if err != nil {
		return store.Blob{}, err
	}
	s.small = append(s.small, raw)
	return verifier.Blob(), nil
}

// PushManifest implements ocistore.Place.
func (s *staging) PushManifest(_ context.Context, tag string, content []byte) (store.Blob, error) {
	s.tags[tag] = content
	return store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content))}, nil
}

// FetchManifest implements ocistore.Source.
func (s *staging) FetchManifest(_ context.Context, tag string) ([]byte, error) {
	if content, found := s.tags[tag]; found {
		return content, nil
	}
	return nil, fmt.Errorf("%w: %s", store.ErrNotFound, tag)
}

// Tags implements ocistore.Source.
func (s *staging) Tags(context.Context) ([]string, error) {
	var tags []string
	for tag := range s.tags {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags, nil
}
