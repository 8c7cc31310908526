package store

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
)

// Info is what a store declares about a blob before it sends any byte. A declaration is not a proof.
type Info struct {
	// Size in bytes, or UnknownSize.
	Size int64
	// Digest is the one that the store declares, or empty.
	Digest digest.Digest
	// Version changes whenever the content changes, as an HTTP validator does; empty means unknown. For content-addressed stores it is the digest.
	Version string
	// Ranges reports that FetchRange will work.
	Ranges bool
	// Source names the store in messages, without secrets: an address, a folder. It is not empty.
	Source string
}

// Stater says what it knows about blobs without sending them.
type Stater interface {
	// Stat returns an ErrNotFound if the store does not have the blob, and an ErrInvalid if its digest is malformed.
	Stat(ctx context.Context, blob Blob) (Info, error)
}

// Fetcher sends blobs. All its methods may be called from several goroutines.
type Fetcher interface {
	Stater
	// Fetch streams the blob from its first byte. Its errors are those of Stat. The caller closes the stream, which may end with an error once ctx
	// is done. The bytes are not verified: Copy and Verifier do that, so no store has to.
	Fetch(ctx context.Context, blob Blob) (io.ReadCloser, error)
}

// RangeFetcher is a Fetcher that can start in the middle. Copy finds out by type assertion.
type RangeFetcher interface {
	Fetcher
	// FetchRange streams exactly span, which is inside the blob; else it is like Fetch. version is empty or that of Info: if the store has other
	// content now, the error is an ErrChanged. If the store turns out to send whole blobs only, it is an ErrNoRanges.
	FetchRange(ctx context.Context, blob Blob, version string, span Span) (io.ReadCloser, error)
}

// Pusher takes blobs. All its methods may be called from several goroutines.
type Pusher interface {
	Stater
	// Push stores the bytes of content and returns the blob with digest and size filled in. It verifies them against what blob states: after
	// an error nothing is visible under the digest, and a failure of content is part of the error. A blob that is there already stays as it is, and
	// content may be left unread.
	Push(ctx context.Context, blob Blob, content io.Reader) (Blob, error)
}

// Store is a Fetcher and a Pusher.
type Store interface {
	Fetcher
	Pusher
}

type onceKey struct{}

// Once returns a context with which stores send each request once: a failure that may be temporary is returned at once, too. It is for questions that
// can also be answered in another way.
func Once(ctx context.Context) context.Context { return context.WithValue(ctx, onceKey{}, true) }

// IsOnce reports whether a context is one of Once.
func IsOnce(ctx context.Context) bool { return ctx.Value(onceKey{}) != nil }
