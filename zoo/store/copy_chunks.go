package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
)

// transfer is one Copy into a Partial. Its chunks are those of the blob, or, if those are unknown, pieces of DefaultChunkSize.
type transfer struct {
	partial Partial
	blob    Blob
	watch   *watch
	// version is what the records in partial are of; see identity.
	version string
	chunks  []chunkState
}

// chunkState is how much of a chunk is there. During a fetch, one goroutine at a time owns it.
type chunkState struct {
	span Span
	// want is the digest of the chunk, or empty if it is unknown.
	want digest.Digest
	// have counts the bytes from the start of the chunk that partial holds. complete reports that all are there, and right as far as is known.
	have     int64
	complete bool
}

// rounds is how often each source is tried: a second time if it sent wrong bytes, because they may have been damaged in transit.
const rounds = 2

// run fetches from the sources in order until all is there.
func (t *transfer) run(ctx context.Context, sources []Fetcher) (Blob, error) {
	problems := make([]error, len(sources))
	for round := range rounds {
		for i, source := range sources {
			if round > 0 && !worthAnotherRound(problems[i]) {
				continue
			}
			blob, err := t.from(ctx, source)
			if err == nil {
				return blob, nil
			}
			if ctx.Err() != nil {
				return Blob{}, context.Cause(ctx)
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

func worthAnotherRound(err error) bool {
	var declared *declaredError
	return (errors.Is(err, ErrDigestMismatch) && !errors.As(err, &declared)) || errors.Is(err, ErrChanged)
}

// finalError is a problem that no other source can solve.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

func final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

// declaredError is a mismatch with what a source declares before it sends anything. Asking again would not help.
type declaredError struct{ err error }

func (e *declaredError) Error() string { return e.err.Error() }
func (e *declaredError) Unwrap() error { return e.err }

// from fetches what is missing from one source and commits.
func (t *transfer) from(ctx context.Context, source Fetcher) (Blob, error) {
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

// agree fills in what the source declares, or returns an error if that contradicts what is wanted.
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

// identity names the content whose parts may be combined. Chunks that have digests need no name; otherwise it is the digest or the version that
// the source declares. It is empty if parts of two answers must not be combined.
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

// commit makes the blob visible. If it is not the right one, everything that was recorded is discarded.
func (t *transfer) commit(ctx context.Context, blob Blob, info Info) (Blob, error) {
	committed, err := t.partial.Commit(ctx, blob)
	var wrong *DigestError
	switch {
	case errors.As(err, &wrong) && t.blob.Chunks != nil:
		return Blob{}, final(fmt.Errorf("each chunk has its digest, but together they are another blob: %w", err))
	case errors.As(err, &wrong):
		wrong.Source = info.Source
		return Blob{}, errors.Join(err, t.reset(""))
	case err != nil:
		return Blob{}, final(err)
	}
	committed.MediaType, committed.Name, committed.Chunks = t.blob.MediaType, t.blob.Name, t.blob.Chunks
	return committed, nil
}

// reset discards everything that is there.
func (t *transfer) reset(version string) error {
	t.version = version
	for i := range t.chunks {
		t.chunks[i].have, t.chunks[i].complete = 0, false
	}
	t.watch.restart()
	return final(t.partial.Reset(version))
}
