package zoo

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// Publish makes the canonical weights and the manifest of a checkpoint, has them verified, signs them, and adds them to a place. The same
// publication always makes the same blobs and the same manifest. The index, which makes the entry visible, is written last.
//
// Nothing is ever overwritten: if the place has that version with another manifest, the error is a *manifest.TakenError, and if it has a higher
// version, a *manifest.BackwardsError. If somebody else publishes at the same time, Publish adds the entry to their index; if that fails
// several times, the error is a *place.RaceError: then call Publish again. A key that may not sign for the place is a *SignerError, and nothing is written. Weights that
// p.Verify finds wrong are a *NotVerifiedError.
func (z *Zoo) Publish(ctx context.Context, to place.Destination, p Publication) (*PublishResult, error) {
	w := &publishRun{zoo: z, to: to, Publication: p}
	if err := z.checkExpiry(p.Expires); err != nil {
		return nil, err
	}
	if _, err := z.draftIndex(ctx, to, p.Key); err != nil { // before the long work
		return nil, err
	}
	if err := w.build(ctx); err != nil {
		return nil, err
	}
	for tries := 1; ; tries++ {
		result, err := w.publish(ctx)
		var race *place.RaceError
		if !errors.As(err, &race) || tries == publishTries || ctx.Err() != nil {
			return result, err
		}
	}
}

// publishTries is how often Publish adds its entry to the index, if others publish at the same time.
const publishTries = 5

// publishRun is one call of Publish.
type publishRun struct {
	Publication
	zoo *Zoo
	to  place.Destination

	description *Description
	m           manifest.Manifest // without signature, as far as it is known
	weights     store.Blob        // the canonical file, in the cache
	entry       place.Entry       // m, encoded and signed
	// assumed are items that the checkpoint leaves open and the draft states as guesses.
	assumed []card.Item
}

func (w *publishRun) copyOptions(step Step) store.Options {
	return copyOptions(step, w.Progress, w.Notice)
}

// build puts everything that is published into the cache: canonical weights, recordings, and the signed manifest.
func (w *publishRun) build(ctx context.Context) error {
	if err := errors.Join(manifest.CheckName(w.Name), manifest.CheckVersion(w.Version)); err != nil {
		return err
	}
	opened, err := w.open(ctx)
	if err != nil {
		return err
	}
	w.description, err = w.describe(opened)
	if err := errors.Join(err, opened.Close()); err != nil {
		return err
	}
	w.m = w.description.Manifest
	model, err := w.convert(ctx)
	if err != nil {
		return err
	}
	defer model.Close()
	if w.m.Tensors, err = DescribeTensors(ctx, model.Tensors); err != nil {
		return err
	}
	w.dropForeign()
	if err := w.storeWeights(ctx); err != nil {
		return err
	}
	for _, path := range w.Recordings {
		recording, err := w.zoo.addRecording(ctx, path)
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

// verify calls Publication.Verify, if there is one, and records its verdict.
func (w *publishRun) verify(ctx context.Context, model *canonicalFile) error {
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

// sign encodes the manifest, checks it as a reader would, and signs it.
func (w *publishRun) sign() error {
	document, err := encodeManifest(&w.m)
	if err != nil {
		return err
	}
	if err := document.Validate(Known()); err != nil {
		return err
	}
	w.entry = place.Entry{Document: document, Signature: trust.Sign(w.Key, document.Raw, "beitzoo manifest "+w.m.Reference().String())}
	return nil
}

// publish adds what was built to the place.
func (w *publishRun) publish(ctx context.Context) (*PublishResult, error) {
	index, err := w.zoo.draftIndex(ctx, w.to, w.Key)
	if err != nil {
		return nil, err
	}
	added, err := index.Add(manifest.Entry{
		ID: w.m.ID, Version: w.m.Version, Title: w.m.Title, Digest: w.entry.Digest(), Size: int64(len(w.entry.Raw)),
		Signature: manifest.Content{Digest: digest.FromBytes(w.entry.Signature), Size: int64(len(w.entry.Signature))},
	})
	if err != nil {
		return nil, err
	}
	artifact, err := place.ArtifactDigest(w.entry)
	if err != nil {
		return nil, err
	}
	blob := w.m.Blobs[0]
	result := &PublishResult{
		Reference: w.m.Reference(), Place: w.to.String(), Manifest: w.entry.Digest(), Artifact: artifact,
		Weights: blob.Weights(), Blob: blob, Verdict: w.m.Verdict, Description: *w.description, IndexVersion: index.Version, Unchanged: !added,
	}
	result.Description.Manifest = w.m
	if !added {
		return result, nil
	}
	if w.DryRun {
		if result.Missing, err = w.to.Missing(ctx, w.entry); err != nil {
			return nil, err
		}
		_, _, err = w.zoo.signIndex(w.to, index, w.Key, w.Expires, false)
		result.IndexVersion = index.Version
		return result, err
	}
	if err := w.to.Add(ctx, w.entry, w.zoo.options.Cache, w.copyOptions(Uploading)); err != nil {
		return nil, err
	}
	err = w.zoo.writeIndex(ctx, w.to, index, w.Key, w.Expires, false)
	result.IndexVersion = index.Version
	return result, err
}
