package store

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
)

// Verifier is an io.Reader of a blob that returns an error instead of io.EOF if the digest or the size is wrong: a *DigestError or a *SizeError. It
// reads at most one byte more than the blob should have. If the blob has chunks, it stops at the first wrong one.
type Verifier struct {
	blob   Blob
	source string
	from   io.Reader
	whole  hash.Hash
	chunk  hash.Hash
	index  int   // the position of the current chunk
	start  int64 // the offset of that chunk
	read   int64
	err    error
}

// NewVerifier returns a reader of content that compares it with blob. source names the store in messages, or is empty.
func NewVerifier(content io.Reader, blob Blob, source string) *Verifier {
	return &Verifier{blob: blob, source: source, from: content, whole: sha256.New(), chunk: sha256.New()}
}

// Read implements io.Reader. The bytes are verified only once a Read returned io.EOF.
func (v *Verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.from.Read(v.window(p))
	if n > 0 {
		v.whole.Write(p[:n])
		n, v.err = v.advance(p[:n])
	}
	if v.err != nil {
		return n, v.err
	}
	if errors.Is(err, io.EOF) {
		err = v.finish()
	}
	v.err = err
	return n, err
}

// window shortens p so that one Read neither crosses the end of a chunk nor goes more than one byte beyond the blob.
func (v *Verifier) window(p []byte) []byte {
	left := int64(len(p))
	switch {
	case v.index < len(v.blob.Chunks):
		left = v.start + v.blob.Chunks[v.index].Size - v.read
	case v.blob.Size >= 0:
		left = v.blob.Size - v.read + 1
	}
	return p[:min(int64(len(p)), left)]
}

// advance counts p and checks a chunk that it completes.
func (v *Verifier) advance(p []byte) (int, error) {
	if v.blob.Size >= 0 && v.read+int64(len(p)) > v.blob.Size {
		return int(v.blob.Size - v.read), &SizeError{Name: v.blob.String(), Want: v.blob.Size, Got: v.read + int64(len(p)), Source: v.source}
	}
	v.read += int64(len(p))
	if v.index >= len(v.blob.Chunks) {
		return len(p), nil
	}
	v.chunk.Write(p)
	chunk := v.blob.Chunks[v.index]
	if v.read < v.start+chunk.Size {
		return len(p), nil
	}
	if got := sumOf(v.chunk); got != chunk.Digest {
		return 0, &DigestError{
			Name: v.blob.String(), Want: chunk.Digest, Got: got, Span: Span{v.start, chunk.Size}, Chunk: v.index, Source: v.source,
		}
	}
	v.chunk.Reset()
	v.start, v.index = v.read, v.index+1
	return len(p), nil
}

// finish returns io.EOF if the whole blob is right.
func (v *Verifier) finish() error {
	if v.blob.Size >= 0 && v.read != v.blob.Size {
		return &SizeError{Name: v.blob.String(), Want: v.blob.Size, Got: v.read, Source: v.source}
	}
	if got := sumOf(v.whole); v.blob.Digest != "" && got != v.blob.Digest {
		return &DigestError{Name: v.blob.String(), Want: v.blob.Digest, Got: got, Span: Span{0, v.read}, Chunk: -1, Source: v.source}
	}
	return io.EOF
}

// Blob returns the blob with digest and size of what was read so far. It is complete once Read returned io.EOF.
func (v *Verifier) Blob() Blob {
	blob := v.blob
	blob.Digest, blob.Size = sumOf(v.whole), v.read
	return blob
}
