package manifest

import "github.com/opencontainers/go-digest"

// Blob is a file of canonical weights as places store it.
type Blob struct {
	// Digest and Size (bytes) are those of the stored bytes.
	Digest digest.Digest `yaml:"digest"`
	Size   int64         `yaml:"size"`
	// DType is that of the tensors, by its safetensors name, such as "F32".
	DType string `yaml:"dtype"`
	// Encoding is the word for a lossless compression of the file, or "none".
	Encoding string `yaml:"encoding"`
	// Content is the file that decoding returns; absent if Encoding is "none".
	Content *Content `yaml:"content,omitempty"`
	// ChunkSize is the size in bytes of every chunk of the stored file but the last; Chunks are their digests, in order.
	ChunkSize int64           `yaml:"chunk_size"`
	Chunks    []digest.Digest `yaml:"chunks"`
}

// Content identifies bytes by their digest (SHA-256) and number.
type Content struct {
	Digest digest.Digest `yaml:"digest"`
	// Size is in bytes.
	Size int64 `yaml:"size"`
}

// NoEncoding is the word for a blob that is the safetensors file itself.
const NoEncoding = "none"

// Weights returns what identifies the safetensors file that the blob is or decodes to.
func (b *Blob) Weights() Content {
	if b.Content != nil {
		return *b.Content
	}
	return Content{Digest: b.Digest, Size: b.Size}
}
