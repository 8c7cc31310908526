package store

import (
	"context"
	"io"
)

// Resumer is a Pusher that keeps what arrived of an interrupted copy, even if its process died. Copy finds out by type assertion.
type Resumer interface {
	Pusher
	// Begin opens a partial blob, with what an earlier copy left. The caller closes it. If another process copies the same blob, Begin waits for
	// it, where the file system has locks. It returns an *ExistsError if the blob is there already; a blob of unknown digest counts as there if another process
	// copied it while Begin waited.
	Begin(ctx context.Context, blob Blob) (Partial, error)
}

// Partial is a blob that is not complete yet. Its methods except Commit and Close may be called from several goroutines.
type Partial interface {
	// ReaderAt and WriterAt access the bytes. Bytes that were never written are undefined.
	io.ReaderAt
	io.WriterAt
	// Recorded returns the version that Reset was given, and what was recorded since, oldest first. After a power cut the disk may lack bytes
	// that were recorded, so the caller must compare their checksums.
	Recorded() (version string, records []Record)
	// Reserve reserves the space for size bytes, so that a full disk is noticed before the work begins.
	Reserve(size int64) error
	// Record records that bytes were written.
	Record(Record) error
	// Reset discards all records. The following ones are of the given version of the content.
	Reset(version string) error
	// Commit makes the blob visible once every byte of it was recorded as final, and returns it with digest and size filled in. If the bytes are
	// not those of blob it returns a *DigestError or a *SizeError and makes nothing visible.
	Commit(ctx context.Context, blob Blob) (Blob, error)
	// Close keeps what was recorded for the next copy. After Commit it does nothing.
	Close() error
}

// Record says that bytes were written.
type Record struct {
	// Span is where the bytes are. A later record with the same offset replaces an earlier one; one of size 0 withdraws it.
	Span Span
	// Sum is a checksum of the bytes in Span, one word of at most MaxSum characters. Only Copy interprets it.
	Sum string
	// Final reports that these bytes are right, as far as can be known now, and will not be written again before a Reset.
	Final bool
}

// MaxSum is the length of the longest Sum of a Record.
const MaxSum = 80
