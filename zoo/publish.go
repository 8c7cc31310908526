package zoo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/beitzoo/beitzoo/zoo/encoding"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// Publish makes the canonical weights and the manifest of a checkpoint, has them verified, signs them, and adds them to a place. The same
// publication always gives the same blobs and the same manifest. A version that is there already with another manifest is a
// *manifest.TakenError; nothing is ever overwritten. The index, which makes the entry visible, is written last.
func (z *Zoo) Publish(ctx context.Context, to Publishing, p Publication) (*Published, error) {
	w := &publishing{zoo: z, to: to, Publication: p}
	if err := w.build(ctx); err != nil {
		return nil, err
	}
	return w.publish(ctx)
}

// publishing is one Publish.
type publishing struct {
	Publication
	zoo *Zoo
	to  Publishing

	m         manifest.Manifest
	weights   store.Blob
	document  *manifest.Document
	signature []byte
}

func (w *publishing) storeOptions(step Step) store.Options {
	return (&pull{options: PullOptions{Progress: w.Progress, Notice: w.Notice}}).storeOptions(step)
}

// build makes everything that is published, in the cache.
func (w *publishing) build(ctx context.Context) error {
	if err := errors.Join(manifest.CheckName(w.Name), manifest.CheckVersion(w.Version)); err != nil {
		return err
	}
	model, err := w.canonical(ctx)
	if err != nil {
		return err
	}
	defer model.Close()
	w.m = w.zoo.describe(&w.Publication, model.Config)
	if w.m.Tensors, err = DescribeTensors(ctx, model.Tensors); err != nil {
		return err
	}
	if err := w.store(ctx); err != nil {
		return err
	}
	for _, path := range w.Recordings {
		recording, err := w.zoo.recordingOf(ctx, path)
		if err != nil {
			return err
		}
		w.m.Recordings = append(w.m.Recordings, recording)
	}
	if err := w.verify(ctx, model); err != nil {
		return err
	}
	return w.sign()
}

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
func digestOf(path string) (store.Digest, error) {
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
	return store.DigestOf(listing.Bytes()), nil
}

func fileDigest(path string) (store.Digest, error) {
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
	content := manifest.Content{Digest: manifest.Digest(w.weights.Digest), Size: w.weights.Size}
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
	blob.Digest, blob.Size = manifest.Digest(described.Digest), described.Size
	for _, chunk := range described.Chunks {
		blob.Chunks = append(blob.Chunks, manifest.Digest(chunk.Digest))
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

// verify has the weights verified, where somebody can.
func (w *publishing) verify(ctx context.Context, model *canonical) error {
	if w.Verify == nil {
		return nil
	}
	path, err := w.zoo.options.Cache.Path(w.weights.Digest)
	if err != nil {
		return err
	}
	verdict, err := w.Verify(ctx, path, model.Config, w.Recordings)
	if err != nil {
		return err
	}
	if !verdict.Verified {
		return &NotVerifiedError{Verdict: *verdict}
	}
	w.m.Verdict = verdict
	return nil
}

// sign writes the manifest down, reads it as any reader would, and signs it.
func (w *publishing) sign() error {
	raw, err := manifest.Encode(&w.m)
	if err != nil {
		return err
	}
	if w.document, err = ReadManifest(w.m.Reference().String()+".yaml", raw); err != nil {
		return err
	}
	w.signature = manifest.Sign(w.Key, raw, "beitzoo manifest "+w.m.Reference().String())
	return nil
}

// publish adds what was built to the place.
func (w *publishing) publish(ctx context.Context) (*Published, error) {
	index, err := w.zoo.current(ctx, w.to, w.Key)
	if err != nil {
		return nil, err
	}
	entry := manifest.Entry{
		ID: w.m.ID, Version: w.m.Version, Title: w.m.Title, Digest: w.document.Digest(), Size: int64(len(w.document.Raw)),
		Signature: manifest.Content{Digest: manifest.Digest(store.DigestOf(w.signature)), Size: int64(len(w.signature))},
	}
	added, err := index.Add(entry)
	if err != nil {
		return nil, err
	}
	a := entryArtefact(w.document, w.signature)
	published, err := w.report(index.Version, a)
	if err != nil {
		return nil, err
	}
	if published.Unchanged = !added; !added {
		return published, nil
	}
	if err := w.upload(ctx, a); err != nil {
		return nil, err
	}
	published.IndexVersion, err = w.zoo.renew(ctx, w.to, index, w.Key, w.Expires)
	return published, err
}

func (w *publishing) report(version int64, a artefact) (*Published, error) {
	blob := w.m.Blobs[0]
	digest, err := ocistore.Digest(a.Artifact)
	return &Published{
		Reference: w.m.Reference(), Place: w.to.String(), Manifest: store.Digest(w.document.Digest()), Artefact: digest,
		Weights: blob.Weights(), Blob: blob, Verdict: w.m.Verdict, IndexVersion: version,
	}, err
}

// upload brings an entry to the place.
func (w *publishing) upload(ctx context.Context, a artefact) error {
	from := store.Mirrors{memory{w.document.Raw, w.signature}, w.zoo.options.Cache}
	return a.publish(ctx, from, w.to.Artefacts(), w.storeOptions(Uploading))
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

// year is how long an index is believed where its publisher says nothing else.
const year = 365 * 24 * time.Hour
