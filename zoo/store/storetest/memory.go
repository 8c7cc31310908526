package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Memory is a store in memory that counts what it hands out. The zero value is empty and ready.
type Memory struct {
	mu    sync.Mutex
	blobs map[digest.Digest][]byte
	// Served counts the bytes that were read from it.
	Served atomic.Int64
}

var (
	_ store.Store        = (*Memory)(nil)
	_ store.RangeFetcher = (*Memory)(nil)
)

// Put stores content and describes it, with chunks of chunkSize bytes, or none where that is 0.
func (m *Memory) Put(content []byte, chunkSize int) store.Blob {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blobs == nil {
		m.blobs = map[digest.Digest][]byte{}
	}
	blob := Describe(content, chunkSize)
	m.blobs[blob.Digest] = content
	return blob
}

// Describe makes the blob of content, with chunks of chunkSize bytes, or none where that is 0.
func Describe(content []byte, chunkSize int) store.Blob {
	blob := store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content))}
	for at := 0; chunkSize > 0 && at < len(content); at += chunkSize {
		chunk := content[at:min(at+chunkSize, len(content))]
		blob.Chunks = append(blob.Chunks, store.Chunk{Digest: digest.FromBytes(chunk), Size: int64(len(chunk))})
	}
	return blob
}

// Random makes n bytes that no other seed makes.
func Random(n int, seed uint64) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	content := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(content) // never fails
	return content
}

func (m *Memory) get(blob store.Blob) ([]byte, error) {
	if err := blob.Validate(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.blobs[blob.Digest]
	if !ok {
		return nil, fmt.Errorf("%s: %w", blob, store.ErrNotFound)
	}
	return content, nil
}

// Stat implements store.Stater.
func (m *Memory) Stat(_ context.Context, blob store.Blob) (store.Info, error) {
	content, err := m.get(blob)
	if err != nil {
		return store.Info{}, err
	}
	return store.Info{Size: int64(len(content)), Digest: blob.Digest, Version: string(blob.Digest), Ranges: true, Source: "memory"}, nil
}

// Fetch implements store.Fetcher.
func (m *Memory) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	content, err := m.get(blob)
	if err != nil {
		return nil, err
	}
	return m.reader(ctx, content), nil
}

// FetchRange implements store.RangeFetcher.
func (m *Memory) FetchRange(ctx context.Context, blob store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	content, err := m.get(blob)
	if err != nil {
		return nil, err
	}
	return m.reader(ctx, content[span.Offset:span.End()]), nil
}

func (m *Memory) reader(ctx context.Context, content []byte) io.ReadCloser {
	from := bytes.NewReader(content)
	return io.NopCloser(readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		n, err := from.Read(p)
		m.Served.Add(int64(n))
		return n, err
	}))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Push implements store.Pusher.
func (m *Memory) Push(_ context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	if err := blob.Validate(); err != nil {
		return store.Blob{}, err
	}
	verifier := store.NewVerifier(content, blob, "")
	whole, err := io.ReadAll(verifier)
	if err != nil {
		return store.Blob{}, err
	}
	m.Put(whole, 0)
	return verifier.Blob(), nil
}
