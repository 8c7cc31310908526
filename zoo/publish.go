package zoo

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

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
	if verdict.Recording != "" {
		verdict.Recording = recordingName(verdict.Recording)
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
		Signature: manifest.Content{Digest: digest.FromBytes(w.signature), Size: int64(len(w.signature))},
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
	err = w.zoo.renew(ctx, w.to, index, w.Key, w.Expires)
	published.IndexVersion = index.Version
	return published, err
}

func (w *publishing) report(version int64, a artefact) (*Published, error) {
	blob := w.m.Blobs[0]
	digest, err := ocistore.Digest(a.Artifact)
	return &Published{
		Reference: w.m.Reference(), Place: w.to.String(), Manifest: w.document.Digest(), Artefact: digest,
		Weights: blob.Weights(), Blob: blob, Verdict: w.m.Verdict, IndexVersion: version,
	}, err
}

// upload brings an entry to the place.
func (w *publishing) upload(ctx context.Context, a artefact) error {
	from := beside{memory{w.document.Raw, w.signature}, w.zoo.options.Cache}
	return a.publish(ctx, from, w.to.Artefacts(), w.storeOptions(Uploading))
}
