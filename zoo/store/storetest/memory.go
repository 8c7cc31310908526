package storetest

import (
	"context"
	"io"
	"math/rand/v2"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/memstore"
)

// Memory is a store in memory that counts the bytes that it sends. The zero value is empty and ready.
type Memory struct {
	memstore.Store
	// Served counts the bytes that were read from it.
	Served atomic.Int64
}

var (
	_ store.Store        = (*Memory)(nil)
	_ store.RangeFetcher = (*Memory)(nil)
)

// Put stores content and describes it, with chunks of chunkSize bytes, or without chunks if that is 0.
func (m *Memory) Put(content []byte, chunkSize int) store.Blob {
	m.Store.Put(content)
	return Describe(content, chunkSize)
}

// Describe returns the blob of content, with chunks of chunkSize bytes, or without chunks if that is 0.
func Describe(content []byte, chunkSize int) store.Blob {
	blob := store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content))}
	for at := 0; chunkSize > 0 && at < len(content); at += chunkSize {
		chunk := content[at:min(at+chunkSize, len(content))]
		blob.Chunks = append(blob.Chunks, store.Chunk{Digest: digest.FromBytes(chunk), Size: int64(len(chunk))})
	}
	return blob
}

// Random returns n random bytes, which depend on seed alone.
func Random(n int, seed uint64) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	content := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(content) // never fails
	return content
}

// Fetch implements store.Fetcher.
func (m *Memory) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	content, err := m.Store.Fetch(ctx, blob)
	return m.counted(ctx, content), err
}

// FetchRange implements store.RangeFetcher.
func (m *Memory) FetchRange(ctx context.Context, blob store.Blob, version string, span store.Span) (io.ReadCloser, error) {
	content, err := m.Store.FetchRange(ctx, blob, version, span)
	return m.counted(ctx, content), err
}

// counted returns a reader that counts what is read, and ends with ctx.
func (m *Memory) counted(ctx context.Context, from io.Reader) io.ReadCloser {
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
