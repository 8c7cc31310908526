package store

import (
	"context"
	"io"
)

// Resumer is a Pusher that keeps what arrived of a copy that was interrupted, even by the death of the process. Copy asks for it by type assertion.
type Resumer interface {
	Pusher
	// Begin opens the place where blob grows, with what an earlier copy left. Where another process copies the same blob, Begin waits for
	// it as well as the system lets it. It reports an ExistsError where the blob is there already; where its digest is unknown, that is
	// where another process got it while Begin waited.
	Begin(ctx context.Context, blob Blob) (Partial, error)
}

// Partial is a blob that grows. Its methods may be called from several goroutines, but for Commit and Close.
type Partial interface {
	// ReaderAt and WriterAt reach the bytes. What was never written has no meaning.
	io.ReaderAt
	io.WriterAt
	// Recorded gives the version that Reset stated, and what was recorded since, oldest first. Records speak of bytes that were written; after
	// a power cut the disk may not have them, so their checksums must be looked at.
	Recorded() (version string, records []Record)
	// Reserve asks for the space of the whole blob now, so that a full disk is known before the work.
	Reserve(size int64) error
	// Record remembers, beyond the death of the process, that bytes were written.
	Record(Record) error
	// Reset forgets all records, and states of which version of the content the following ones are.
	Reset(version string) error
	// Commit makes the blob visible once every byte of it was recorded as final, and returns it with digest and size filled in. It reports a
	// DigestError, and makes nothing visible, where the bytes are not those of blob.
	Commit(ctx context.Context, blob Blob) (Blob, error)
	// Close keeps what was recorded for the next copy. After Commit it does nothing.
	Close() error
}

// Record says that bytes were written.
type Record struct {
	// Span that was written. A later record with the same offset replaces an earlier one; size 0 takes it back.
	Span Span
	// Sum is a checksum of the bytes in Span, one word of at most MaxSum characters that only Copy understands.
	Sum string
	// Final tells that these bytes are right as far as can be known now, and will not be written again before a Reset.
	Final bool
}

// MaxSum is the length of the longest Sum of a Record.
const MaxSum = 80
