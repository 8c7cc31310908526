package zoo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/encoding"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// canonical brings the canonical file into the cache.
func (w *publishing) canonical(ctx context.Context) (*canonical, error) {
	digest, err := digestOf(w.Checkpoint)
	if err != nil {
		return nil, err
	}
	from, err := openCanonical(ctx, w.Checkpoint, digest, w.Open)
	if err != nil {
		return nil, err
	}
	blob := store.Blob{Name: fmt.Sprintf("canonical weights of %s", from.version), Size: from.size}
	w.weights, err = store.Copy(ctx, from, w.zoo.options.Cache, blob, w.storeOptions(Converting))
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	return from, nil
}

// digestOf identifies a checkpoint, so that an interrupted conversion of another one is not gone on with. A folder is told by its names,
// sizes and times.
func digestOf(path string) (digest.Digest, error) {
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

// store decides in which form the weights are published, and describes that blob with its chunks.
func (w *publishing) store(ctx context.Context) error {
	path, err := w.zoo.options.Cache.Path(w.weights.Digest)
	if err != nil {
		return err
	}
	content := manifest.Content{Digest: w.weights.Digest, Size: w.weights.Size}
	blob := manifest.Blob{DType: w.m.Tensors[0].DType, Encoding: manifest.NoEncoding, ChunkSize: store.DefaultChunkSize}
	stored := w.weights
	if w.Encode {
		blob.Encoding, blob.Content = Encoding, &content
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

// encode brings the coded form of the weights into the cache.
func (w *publishing) encode(ctx context.Context, path string) (store.Blob, error) {
	file, err := os.Open(path)
	if err != nil {
		return store.Blob{}, err
	}
	defer file.Close()
	regions, err := encoding.Safetensors(file, w.weights.Size)
	if err != nil {
		return store.Blob{}, err
	}
	coded, err := os.CreateTemp(w.zoo.options.Cache.Dir(), ".coded.*")
	if err != nil {
		return store.Blob{}, err
	}
	defer os.Remove(coded.Name())
	defer coded.Close()
	options := encoding.Options{}
	if w.Progress != nil {
		options.Progress = once(func(done, total int64) { w.Progress(Packing, done, total) })
	}
	if _, err := encoding.Encode(ctx, coded, file, regions, options); err != nil {
		return store.Blob{}, err
	}
	return w.zoo.keep(ctx, coded.Name(), store.Options{})
}

// keep copies a file into the cache.
func (z *Zoo) keep(ctx context.Context, path string, options store.Options) (store.Blob, error) {
	described, err := describeFile(ctx, path)
	if err != nil {
		return store.Blob{}, err
	}
	from := inside{files: os.DirFS(filepath.Dir(path)), name: filepath.Base(path)}
	return store.Copy(ctx, from, z.options.Cache, described, options)
}

// once makes calls of a callback not overlap.
func once(report func(done, total int64)) func(done, total int64) {
	turn := make(chan struct{}, 1)
	return func(done, total int64) {
		turn <- struct{}{}
		report(done, total)
		<-turn
	}
}
