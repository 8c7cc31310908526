package store

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
)

// Info is what a store declares about a blob before any byte flows. A declaration is no proof.
type Info struct {
	// Size in bytes, or UnknownSize.
	Size int64
	// Digest that the store declares (Hugging Face: the linked etag), or empty.
	Digest digest.Digest
	// Version names this very content as the store has it now: an HTTP validator. Empty where the store has no such name. Content-addressed
	// stores give the digest.
	Version string
	// Ranges tells that FetchRange will work.
	Ranges bool
	// Source is the store's place for messages, without secrets: a host, a folder.
	Source string
}

// Stater tells what it has without handing it out.
type Stater interface {
	// Stat reports ErrNotFound where the store has no such blob.
	Stat(ctx context.Context, blob Blob) (Info, error)
}

// Fetcher hands out blobs. All its methods may be called from several goroutines.
type Fetcher interface {
	Stater
	// Fetch streams the blob from its first byte. The bytes are not verified: that is the business of Copy or NewVerifier, so that no store
	// can forget it. A reader, and not a writer to fill, so that callers can stop early and decorators can go on after a cut.
	Fetch(ctx context.Context, blob Blob) (io.ReadCloser, error)
}

// RangeFetcher is a Fetcher that can start in the middle. Copy asks for it by type assertion.
type RangeFetcher interface {
	Fetcher
	// FetchRange streams exactly span, which lies inside the blob. With a version (see Info) it reports ErrChanged where the store's content
	// is another meanwhile. It reports ErrNoRanges where the store turns out to hand out whole blobs only.
	FetchRange(ctx context.Context, blob Blob, version string, span Span) (io.ReadCloser, error)
}

// Pusher takes blobs.
type Pusher interface {
	Stater
	// Push stores the bytes of content and returns the blob with digest and size filled in. It verifies against what blob states of them:
	// on any error nothing is visible under the digest. A blob that is there already is left as it is, and content need not be read.
	Push(ctx context.Context, blob Blob, content io.Reader) (Blob, error)
}

// Store is a place for blobs in both directions.
type Store interface {
	Fetcher
	Pusher
}

// Mirrors are places that have the same blobs. Copy tries them in order, and goes on with the next where one fails in the middle.
type Mirrors []Fetcher
