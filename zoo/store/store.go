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
	// Digest that the store declares (Hugging Face: the linked etag), or empty.
	Digest digest.Digest
	// Version names this very content as the store has it now, as an HTTP validator does, or is empty. For content-addressed stores it is the
	// digest.
	Version string
	// Ranges reports that FetchRange will work.
	Ranges bool
	// Source names the store in messages, without secrets: a host, a folder.
	Source string
}

// Stater says what it has without sending it.
type Stater interface {
	// Stat returns an ErrNotFound if the store does not have the blob.
	Stat(ctx context.Context, blob Blob) (Info, error)
}

// Fetcher sends blobs. All its methods may be called from several goroutines.
type Fetcher interface {
	Stater
	// Fetch streams the blob from its first byte. The bytes are not verified: Copy and NewVerifier do that, so that no store can forget it.
	Fetch(ctx context.Context, blob Blob) (io.ReadCloser, error)
}

// RangeFetcher is a Fetcher that can start in the middle. Copy asks for it by type assertion.
type RangeFetcher interface {
	Fetcher
	// FetchRange streams exactly span, which is inside the blob. With a version (see Info) it returns an ErrChanged if the store has other content
	// now. It returns an ErrNoRanges if the store turns out to send whole blobs only.
	FetchRange(ctx context.Context, blob Blob, version string, span Span) (io.ReadCloser, error)
}

// Pusher takes blobs.
type Pusher interface {
	Stater
	// Push stores the bytes of content and returns the blob with digest and size filled in. It verifies them against what blob states: after
	// an error nothing is visible under the digest. A blob that is there already stays as it is, and content need not be read.
	Push(ctx context.Context, blob Blob, content io.Reader) (Blob, error)
}

// Store is a place for blobs in both directions.
type Store interface {
	Fetcher
	Pusher
}

// Mirrors are stores that have the same blobs. Copy tries them in order, and if one fails in the middle it continues with the next.
type Mirrors []Fetcher
