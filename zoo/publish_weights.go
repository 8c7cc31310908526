package zoo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/encoding"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/fsstore"
)

// convert writes the canonical file of the checkpoint to the cache. The caller closes the result.
func (w *publishRun) convert(ctx context.Context) (*canonicalFile, error) {
	checkpoint, err := checkpointDigest(w.Checkpoint)
	if err != nil {
		return nil, err
	}
	from, err := openCanonical(ctx, w.Checkpoint, checkpoint, w.Open)
	if err != nil {
		return nil, err
	}
	blob := store.Blob{Name: fmt.Sprintf("canonical weights of %s", from.version), Size: from.size}
	w.weights, err = store.Copy(ctx, from, w.zoo.options.Cache, blob, w.copyOptions(Converting))
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	return from, nil
}

// checkpointDigest identifies a checkpoint, so that a conversion is resumed only for the same checkpoint. A folder is identified by the names,
// sizes and times of its files.
func checkpointDigest(path string) (digest.Digest, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return fileDigest(path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", err
	}
	var listing bytes.Buffer
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&listing, "%q %d %d\n", entry.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return digest.FromBytes(listing.Bytes()), nil
}

func fileDigest(path string) (digest.Digest, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	verifier := store.NewVerifier(file, store.Blob{Name: path, Size: store.UnknownSize}, path)
	if _, err := io.Copy(io.Discard, verifier); err != nil {
		return "", err
	}
	return verifier.Blob().Digest, nil
}

// storeWeights encodes the weights if Publication.Encode is set, and enters the blob and its chunks into the manifest.
func (w *publishRun) storeWeights(ctx context.Context) error {
	path, err := w.zoo.options.Cache.Path(w.weights.Digest)
	if err != nil {
		return err
	}
	content := manifest.Content{Digest: w.weights.Digest, Size: w.weights.Size}
	blob := manifest.Blob{DType: w.m.Tensors[0].DType, Encoding: manifest.NoEncoding, ChunkSize: store.DefaultChunkSize}
	stored := w.weights
	if w.Encode {
		blob.Encoding, blob.Content = PlanesEncoding, &content
		if stored, err = w.encode(ctx, path); err != nil {
			return err
		}
		if path, err = w.zoo.options.Cache.Path(stored.Digest); err != nil {
			return err
		}
	}
	described, err := describeFile(ctx, path)
	if err != nil {
		return err
	}
	blob.Digest, blob.Size = described.Digest, described.Size
	for _, chunk := range described.Chunks {
		blob.Chunks = append(blob.Chunks, chunk.Digest)
	}
	w.m.Blobs = []manifest.Blob{blob}
	return nil
}

func describeFile(ctx context.Context, path string) (store.Blob, error) {
	file, err := os.Open(path)
	if err != nil {
		return store.Blob{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return store.Blob{}, err
	}
	return store.Describe(ctx, file, info.Size(), store.DefaultChunkSize)
}

// encode writes the encoded form of the file at path to the cache.
func (w *publishRun) encode(ctx context.Context, path string) (store.Blob, error) {
	file, err := os.Open(path)
	if err != nil {
		return store.Blob{}, err
	}
	defer file.Close()
	regions, err := encoding.Safetensors(file, w.weights.Size)
	if err != nil {
		return store.Blob{}, err
	}
	coded, err := disk.CreatePartial(filepath.Join(w.zoo.options.Cache.Dir(), "coded"))
	if err != nil {
		return store.Blob{}, err
	}
	defer os.Remove(coded.Name())
	defer coded.Close()
	options := encoding.Options{}
	if w.Progress != nil {
		options.Progress = serialised(func(done, total int64) { w.Progress(Encoding, done, total) })
	}
	if _, err := encoding.Encode(ctx, coded, file, regions, options); err != nil {
		return store.Blob{}, err
	}
	return w.zoo.addFile(ctx, coded.Name())
}

// addFile copies a file into the cache.
func (z *Zoo) addFile(ctx context.Context, path string) (store.Blob, error) {
	described, err := describeFile(ctx, path)
	if err != nil {
		return store.Blob{}, err
	}
	folder, name := filepath.Split(path)
	from := fsstore.New(os.DirFS(filepath.Clean(folder)), name, folder)
	return store.Copy(ctx, from, z.options.Cache, described, store.Options{})
}

// serialised returns a function whose calls of report never overlap.
func serialised(report func(done, total int64)) func(done, total int64) {
	var mu sync.Mutex
	return func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		report(done, total)
	}
}
