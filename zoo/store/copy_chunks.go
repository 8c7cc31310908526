package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"

	"github.com/opencontainers/go-digest"
)

// transfer is one Copy into a Partial. Its chunks are those of the blob, or, if those are unknown, pieces of DefaultChunkSize.
type transfer struct {
	partial Partial
	blob    Blob
	watch   *watch
	// version is the version of the content that the records in partial are about; see identity.
	version string
	chunks  []chunkState
}

// chunkState says how much of a chunk has arrived. During a fetch, one goroutine at a time owns it.
type chunkState struct {
	span Span
	// want is the digest of the chunk, or empty if it is unknown.
	want digest.Digest
	// have is how many bytes of the chunk partial holds, from its start. complete reports that it holds all, and none is known to be wrong.
	have     int64
	complete bool
}

// checksum is recorded for bytes that were written. For a chunk that has a digest it is SHA-256, which is computed anyway. For another it is
// CRC-32C at a tenth of the cost: it only has to show what a power cut took, and the digest of the whole blob is checked at the end.
type checksum struct {
	hash.Hash
	digest bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum starts the checksum of a chunk.
func (c *chunkState) checksum() checksum {
	if c.want != "" {
		return checksum{sha256.New(), true}
	}
	return checksum{crc32.New(castagnoli), false}
}

// word returns the Sum for a Record.
func (c checksum) word() string {
	if c.digest {
		return string(sumOf(c.Hash))
	}
	return fmt.Sprintf("crc32c:%x", c.Sum(nil))
}

// rounds is how often each source is tried: a second time if it sent wrong bytes, because they may have been damaged in transit.
const rounds = 2

// run fetches from the sources in order until the blob is complete.
func (t *transfer) run(ctx context.Context, sources []Fetcher) (Blob, error) {
	problems := make([]error, len(sources))
	for round := range rounds {
		for i, source := range sources {
			if round > 0 && !worthAnotherRound(problems[i]) {
				continue
			}
			blob, err := t.copyFrom(ctx, source)
			if err == nil {
				return blob, nil
			}
			if ctx.Err() != nil {
				return Blob{}, Ended(ctx, t.blob.String(), err)
			}
			var final *finalError
			if errors.As(err, &final) {
				return Blob{}, final.err
			}
			problems[i] = err
			t.watch.notice(err)
		}
	}
	return Blob{}, joined(problems, t.blob)
}

// worthAnotherRound reports whether a source that failed with err may succeed the next time.
func worthAnotherRound(err error) bool {
	var declared *declaredError
	return (errors.Is(err, ErrDigestMismatch) && !errors.As(err, &declared)) || errors.Is(err, ErrChanged)
}

// finalError is an error that another source would not help against.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// final returns err as a *finalError, or nil.
func final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

// declaredError says that what a source declares contradicts the blob. Asking it again would not help.
type declaredError struct{ err error }

func (e *declaredError) Error() string { return e.err.Error() }
func (e *declaredError) Unwrap() error { return e.err }

// copyFrom fetches from one source what is missing, and commits.
func (t *transfer) copyFrom(ctx context.Context, source Fetcher) (Blob, error) {
	info, err := source.Stat(ctx, t.blob)
	if err != nil {
		return Blob{}, err
	}
	blob, err := t.agree(info)
	if err != nil {
		return Blob{}, &declaredError{err}
	}
	if err := t.prepare(ctx, blob, info); err != nil {
		return Blob{}, err
	}
	if err := t.fetch(ctx, source, blob, info); err != nil {
		return Blob{}, err
	}
	return t.commit(ctx, blob, info)
}

// agree returns the blob with what the source declares filled in, or an error if that contradicts the blob.
func (t *transfer) agree(info Info) (Blob, error) {
	blob := t.blob
	if blob.Size >= 0 && info.Size >= 0 && info.Size != blob.Size {
		return blob, &SizeError{Name: blob.String(), Want: blob.Size, Got: info.Size, Source: info.Source}
	}
	if blob.Digest != "" && info.Digest != "" && info.Digest != blob.Digest {
		return blob, &DigestError{Name: blob.String(), Want: blob.Digest, Got: info.Digest, Span: Span{0, info.Size}, Chunk: -1, Source: info.Source}
	}
	if limit := t.watch.options.maxSize(); blob.Size < 0 && info.Size > limit {
		return blob, &SizeError{Name: blob.String(), Want: limit, Got: info.Size, Source: info.Source}
	}
	if blob.Size < 0 {
		blob.Size = info.Size
	}
	if blob.Digest == "" {
		blob.Digest = info.Digest
	}
	return blob, nil
}

// identity names the content of a source: parts with the same identity may be combined. Chunks with digests may always be; else it is the digest or
// the version that the source declares. It is empty if parts of two answers must not be combined.
func (t *transfer) identity(info Info) string {
	switch {
	case t.blob.Chunks != nil:
		return "chunks"
	case info.Digest != "":
		return string(info.Digest)
	case info.Version != "" && info.Size >= 0:
		return fmt.Sprintf("%s %s %d", info.Source, info.Version, info.Size)
	}
	return ""
}

// commit makes the blob visible. If its digest is wrong, it discards everything that was recorded.
func (t *transfer) commit(ctx context.Context, blob Blob, info Info) (Blob, error) {
	committed, err := t.partial.Commit(ctx, blob)
	var wrong *DigestError
	switch {
	case errors.As(err, &wrong) && t.blob.Chunks != nil:
		return Blob{}, final(fmt.Errorf("every chunk matches its digest, but the whole does not: %w", err))
	case errors.As(err, &wrong):
		wrong.Source = info.Source
		return Blob{}, errors.Join(err, t.reset(""))
	case err != nil:
		return Blob{}, final(err)
	}
	committed.MediaType, committed.Name, committed.Chunks = t.blob.MediaType, t.blob.Name, t.blob.Chunks
	return committed, nil
}

// reset discards everything that arrived. What follows is of the given version.
func (t *transfer) reset(version string) error {
	t.version = version
	for i := range t.chunks {
		t.chunks[i].have, t.chunks[i].complete = 0, false
	}
	t.watch.restart()
	return final(t.partial.Reset(version))
}
