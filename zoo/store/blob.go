package store

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/text"
)

// UnknownSize stands for a size that nobody knows yet.
const UnknownSize = -1

// DefaultChunkSize is the size in bytes of the chunks that Describe and Copy cut a blob into. A damaged chunk is fetched again, which takes about a
// second on a slow line.
const DefaultChunkSize = 4 << 20

// Chunk is a part of a blob.
type Chunk struct {
	// Digest is the SHA-256 of the bytes.
	Digest digest.Digest
	// Size in bytes, above zero.
	Size int64
}

// Blob says which bytes are meant. The zero value is invalid.
type Blob struct {
	// Digest is the SHA-256 of all bytes. Empty means unknown: such a blob can be fetched, and Copy returns the digest of what came.
	Digest digest.Digest
	// Size in bytes, or UnknownSize.
	Size int64
	// MediaType is that of OCI, or empty.
	MediaType string
	// Chunks follow one another and make up the whole blob. They are nil if their digests are unknown.
	Chunks []Chunk
	// Name is what messages call the bytes, such as the name of a model or an address without secrets. It is required if Digest is empty: then an
	// interrupted copy is found by it.
	Name string
}

// Validate returns an ErrInvalid unless the fields of b are well formed and agree with one another.
func (b Blob) Validate() error {
	if b.Digest == "" && b.Name == "" {
		return fmt.Errorf("%w: a blob with neither digest nor name", ErrInvalid)
	}
	if b.Digest != "" {
		if err := CheckDigest(b.Digest); err != nil {
			return err
		}
	}
	if b.Size < UnknownSize {
		return fmt.Errorf("%w: size %d of %s", ErrInvalid, b.Size, b)
	}
	return b.validateChunks()
}

func (b Blob) validateChunks() error {
	if b.Chunks == nil {
		return nil
	}
	var sum int64
	for i, chunk := range b.Chunks {
		if err := CheckDigest(chunk.Digest); err != nil {
			return fmt.Errorf("chunk %d of %s: %w", i, b, err)
		}
		if chunk.Size <= 0 || chunk.Size > b.Size-sum {
			return fmt.Errorf("%w: chunk %d of %s has %d bytes where %d are left", ErrInvalid, i, b, chunk.Size, b.Size-sum)
		}
		sum += chunk.Size
	}
	if sum != b.Size {
		return fmt.Errorf("%w: the chunks of %s have %d bytes together, the blob has %d", ErrInvalid, b, sum, b.Size)
	}
	return nil
}

// String returns what messages call the blob: its name, or its digest if it has no name.
func (b Blob) String() string {
	if b.Name != "" {
		return text.Quote(b.Name)
	}
	if b.Digest == "" {
		return "unknown digest"
	}
	return b.Digest.String()
}

// Span is a range of bytes of a blob.
type Span struct {
	Offset, Size int64
}

// End returns the offset of the first byte after s.
func (s Span) End() int64 { return s.Offset + s.Size }

// Read reads a whole blob of at most limit bytes into memory. The bytes are verified against what blob states; more than limit bytes are a *SizeError.
func Read(ctx context.Context, from Fetcher, blob Blob, limit int64) ([]byte, error) {
	if blob.Size > limit {
		return nil, &SizeError{Name: blob.String(), Want: limit, Got: blob.Size}
	}
	body, err := from.Fetch(ctx, blob)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(NewVerifier(body, blob, ""), limit+1))
	if err == nil && int64(len(content)) > limit {
		err = &SizeError{Name: blob.String(), Want: limit, Got: int64(len(content))}
	}
	if err != nil {
		return nil, err
	}
	return content, nil
}
