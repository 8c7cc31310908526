package place

import (
	"context"
	"errors"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// IndexFile is the name of the index as a file.
const IndexFile = "index.yaml"

// Place is where entries are published. All its methods may be called from several goroutines.
type Place interface {
	// String returns the name of the place, without secrets. Keys and indexes are remembered under this name.
	String() string
	// Local reports that no network is needed.
	Local() bool
	// Index returns the bytes of the index and of its signature, unverified, or store.ErrNotFound if nothing is published. A missing signature is
	// nil. An index that was published and lost, as far as the place shows it, is a *DamagedError.
	Index(ctx context.Context) (index, signature []byte, err error)
	// Blobs returns the store that has the manifests, signatures and weights by digest.
	Blobs() store.Fetcher
}

// Destination is a Place that can be written to.
type Destination interface {
	Place
	// Add uploads an entry, whose weights and recordings are in the store from. It becomes visible with the next index. Adding the same entry again does
	// nothing; another entry of the same name and version is store.ErrExists.
	Add(ctx context.Context, entry Entry, from store.Fetcher, options store.Options) error
	// Missing returns the files that Add would upload, and store.ErrExists where Add would. It writes nothing.
	Missing(ctx context.Context, entry Entry) ([]File, error)
	// SetIndex publishes the next version of the index, whose entries are all there already. It returns a *RaceError if the place has another
	// index of that version.
	SetIndex(ctx context.Context, index *manifest.IndexDocument, signature []byte) error
}

// Archive is a Place that also has upstream files, by address: a bundle.
type Archive interface {
	Place
	// Upstream returns the blob of an upstream file, and whether it is there.
	Upstream(address string) (store.Blob, bool)
}

// File is one file of an entry.
type File struct {
	// Name says what the file is, such as "model.safetensors".
	Name string
	manifest.Content
}

// Entry is a manifest with its signature.
type Entry struct {
	*manifest.Document
	// Signature is the file with the manifest's signature.
	Signature []byte
}

// RaceError says that somebody else published at the same time.
type RaceError struct{ Place string }

func (e *RaceError) Error() string {
	return "somebody else changed the index of " + e.Place + " at the same time"
}

// Is makes a RaceError an errdef.ErrNetwork.
func (*RaceError) Is(kind error) bool { return kind == errdef.ErrNetwork }

// Hint says what to do.
func (*RaceError) Hint() string { return "publish again: what was uploaded is not uploaded twice" }

// BlobOf returns a blob of weights that a manifest lists, with its chunks. name is what to call it in messages, or empty.
func BlobOf(b *manifest.Blob, name string) store.Blob {
	blob := store.Blob{Digest: b.Digest, Size: b.Size, Name: name}
	for i, chunk := range b.Chunks {
		size := min(b.ChunkSize, b.Size-int64(i)*b.ChunkSize)
		blob.Chunks = append(blob.Chunks, store.Chunk{Digest: chunk, Size: size})
	}
	return blob
}

// ContentBlob returns the blob of a file that an index or a manifest names. name is what to call it in messages.
func ContentBlob(content manifest.Content, name string) store.Blob {
	return store.Blob{Digest: content.Digest, Size: content.Size, Name: name}
}

// unlessAbsent returns err, or nil if it says that something is not there.
func unlessAbsent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
