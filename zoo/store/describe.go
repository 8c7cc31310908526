package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// Describe computes the digest of size bytes, and those of their chunks of chunkSize bytes (0 is DefaultChunkSize). One core computes the digest of
// the whole, which can only be done in order; the others compute those of the chunks meanwhile.
func Describe(ctx context.Context, content io.ReaderAt, size, chunkSize int64) (Blob, error) {
	if chunkSize <= 0 {
		chunkSize = DefaultChunkSize
	}
	blob := Blob{Size: size}
	if count := (size + chunkSize - 1) / chunkSize; count > 0 {
		blob.Chunks = make([]Chunk, count)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	group.Go(func() (err error) {
		blob.Digest, err = hashSpan(ctx, content, Span{0, size})
		return err
	})
	for i := range blob.Chunks {
		span := Span{int64(i) * chunkSize, min(chunkSize, size-int64(i)*chunkSize)}
		group.Go(func() (err error) {
			blob.Chunks[i].Size = span.Size
			blob.Chunks[i].Digest, err = hashSpan(ctx, content, span)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Blob{}, err
	}
	return blob, nil
}

// Verify compares size bytes of content with blob: chunk by chunk on all cores if blob has chunks, else in order on one. The error is a *SizeError, or
// the *DigestErrors of all wrong chunks.
func Verify(ctx context.Context, content io.ReaderAt, size int64, blob Blob) error {
	if err := blob.Validate(); err != nil {
		return err
	}
	if blob.Size >= 0 && size != blob.Size {
		return &SizeError{Name: blob.String(), Want: blob.Size, Got: size}
	}
	if len(blob.Chunks) > 0 {
		return verifyChunks(ctx, content, blob)
	}
	got, err := hashSpan(ctx, content, Span{0, size})
	if err != nil {
		return err
	}
	if blob.Digest != "" && got != blob.Digest {
		return &DigestError{Name: blob.String(), Want: blob.Digest, Got: got, Span: Span{0, size}, Chunk: -1}
	}
	return nil
}

func verifyChunks(ctx context.Context, content io.ReaderAt, blob Blob) error {
	wrong := make([]error, len(blob.Chunks))
	spans := make([]Span, len(blob.Chunks))
	at := int64(0)
	for i, chunk := range blob.Chunks {
		spans[i] = Span{at, chunk.Size}
		at += chunk.Size
	}
	err := parallel.Each(ctx, len(spans), func(ctx context.Context, i int) error {
		got, err := hashSpan(ctx, content, spans[i])
		if want := blob.Chunks[i].Digest; err == nil && got != want {
			wrong[i] = &DigestError{Name: blob.String(), Want: want, Got: got, Span: spans[i], Chunk: i}
		}
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(wrong...)
}

// hashSpan computes the digest of a part of content. It checks ctx once for each megabyte.
func hashSpan(ctx context.Context, content io.ReaderAt, span Span) (digest.Digest, error) {
	h := sha256.New()
	buffer := make([]byte, min(1<<20, max(span.Size, 1)))
	for at := span.Offset; at < span.End(); {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := content.ReadAt(buffer[:min(int64(len(buffer)), span.End()-at)], at)
		h.Write(buffer[:n])
		at += int64(n)
		if err != nil && at < span.End() {
			return "", err
		}
	}
	return sumOf(h), nil
}
