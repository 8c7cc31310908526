package zoo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

// converted finds what an earlier pull made of a source, in the cache.
func (p *pull) converted(ctx context.Context, source manifest.Source) (*Pulled, error) {
	known, err := p.identify(source)
	if err != nil || known.Digest == "" {
		return nil, err
	}
	before, err := p.records.conversion(conversion{Checkpoint: known.Digest, Architecture: p.architecture(), Form: canonicalForm})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pulled, err := p.cached(ctx, store.Blob{Digest: before.Weights, Size: before.Size})
	if pulled == nil || err != nil {
		return nil, err
	}
	pulled.Upstream, pulled.Checkpoint = &source, known.Blob
	if known.shared {
		return pulled, p.pin(pulled, source, known.Blob, false)
	}
	return pulled, nil
}

// architecture names the architecture in records; a described one by its digest.
func (p *pull) architecture() string {
	if p.found.Config == nil {
		return p.found.Architecture
	}
	return string(digest.FromString(fmt.Sprintf("%+v", *p.found.Config)))
}

// fromUpstream downloads the checkpoint of a source, converts it, checks it and remembers it.
func (p *pull) fromUpstream(ctx context.Context, source manifest.Source) (*Pulled, error) {
	known, err := p.identify(source)
	if err != nil {
		return nil, err
	}
	draft := p.zoo.options.Cache.Draft()
	defer draft.Close()
	checkpoint, declared, err := p.download(ctx, source, known, draft)
	if err != nil {
		return nil, err
	}
	pulled, err := p.convert(ctx, source, checkpoint, draft)
	if err != nil && ctx.Err() == nil { // what cannot be converted now can never be
		err = errors.Join(fmt.Errorf("%s: %w", source.Address, err), draft.Discard(), p.zoo.options.Cache.Remove(checkpoint.Digest))
	}
	if err != nil {
		return nil, err
	}
	if source.Digest == "" && (!known.pinned || known.shared) {
		if err := p.pin(pulled, source, checkpoint, declared); err != nil {
			return nil, err
		}
	}
	if p.options.KeepUpstream {
		return pulled, draft.Keep()
	}
	return pulled, draft.Discard()
}

// download brings the checkpoint to a place. declared tells that the server states the digest that the file has.
func (p *pull) download(ctx context.Context, source manifest.Source, known identity, to store.Pusher) (checkpoint store.Blob, declared bool, err error) {
	from, blob, archived := p.zoo.archived(source.Address)
	if !archived {
		blob = known.Blob
		if from, err = p.zoo.upstream(source.Address); err != nil {
			return store.Blob{}, false, err
		}
	}
	if archived && known.Digest != "" && blob.Digest != known.Digest {
		return store.Blob{}, false, p.changed(source, known, &store.DigestError{Name: source.Address, Want: known.Digest, Got: blob.Digest, Chunk: -1})
	}
	info, err := from.Stat(ctx, blob)
	if err != nil {
		return store.Blob{}, false, err
	}
	options := p.storeOptions(Downloading)
	options.MaxSize = p.limit()
	if info.Size > options.MaxSize {
		return store.Blob{}, false, &store.SizeError{Name: source.Address, Want: options.MaxSize, Got: info.Size, Source: info.Source}
	}
	checkpoint, err = store.Copy(ctx, from, to, blob, options)
	if err != nil {
		return store.Blob{}, false, p.changed(source, known, err)
	}
	return checkpoint, info.Digest == checkpoint.Digest, nil
}

// limit is more than an honest checkpoint of the architecture can have, in bytes.
func (p *pull) limit() int64 {
	config, err := Architecture(&p.found.Manifest)
	if err != nil {
		return store.DefaultMaxSize
	}
	return manifest.MaxCheckpoint(config)
}

// ChangedError says that an upstream file is not the one that was pinned.
type ChangedError struct {
	Address string
	Pinned  digest.Digest
	Err     error
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s is not the file that was pulled before (pinned: %s): %s", e.Address, e.Pinned, e.Err)
}

func (e *ChangedError) Unwrap() error { return e.Err }

// Hint says how to accept it.
func (e *ChangedError) Hint() string {
	return "its publisher replaced it, or somebody else did; --repin accepts it as it is now"
}

// changed explains a wrong digest where the right one was pinned.
func (p *pull) changed(source manifest.Source, known identity, err error) error {
	if !known.pinned || !errors.Is(err, store.ErrDigestMismatch) {
		return err
	}
	return &ChangedError{Address: source.Address, Pinned: known.Digest, Err: err}
}

// convert makes the canonical file of a checkpoint, in the cache.
func (p *pull) convert(ctx context.Context, source manifest.Source, checkpoint store.Blob, draft *cache.Draft) (*Pulled, error) {
	path, err := draft.Path(checkpoint.Digest)
	if err != nil {
		return nil, err
	}
	config, err := Architecture(&p.found.Manifest)
	if err != nil {
		return nil, err
	}
	from, err := openCanonical(ctx, path, checkpoint.Digest, convert.OpenOptions{From: source.Scheme, Arch: &config})
	if err != nil {
		return nil, err
	}
	defer from.Close()
	name := fmt.Sprintf("canonical weights of %s, %s", from.version, p.architecture())
	weights, err := store.Copy(ctx, from, p.zoo.options.Cache, store.Blob{Name: name, Size: from.size}, p.storeOptions(Converting))
	if err != nil {
		return nil, err
	}
	pulled, err := p.done(weights, source.Name)
	if err != nil {
		return nil, err
	}
	pulled.Upstream, pulled.Checkpoint, pulled.Notes = &source, checkpoint, from.Notes
	if err := p.checkTensors(ctx, from.Tensors); err != nil {
		return nil, errors.Join(err, p.zoo.options.Cache.Remove(weights.Digest))
	}
	return pulled, p.records.setConversion(conversion{
		Checkpoint: checkpoint.Digest, Architecture: p.architecture(), Form: canonicalForm, Weights: weights.Digest, Size: weights.Size,
	})
}

// checkTensors compares every tensor with the digest that the manifest has of it.
func (p *pull) checkTensors(ctx context.Context, tensors []tensor.Named) error {
	if len(p.found.Tensors) == 0 {
		return nil
	}
	described, err := DescribeTensors(ctx, tensors)
	if err != nil {
		return err
	}
	var problems []error
	for i, want := range p.found.Tensors {
		if got := described[i]; got.Name != want.Name || got.DType != want.DType || got.Digest != want.Digest {
			problems = append(problems, &store.DigestError{Name: want.Name, Want: want.Digest, Got: got.Digest, Chunk: -1})
		}
	}
	return errors.Join(problems...)
}

// pin remembers the digest of a file that had none.
func (p *pull) pin(pulled *Pulled, source manifest.Source, checkpoint store.Blob, declared bool) error {
	pulled.Pinned = &Pin{Address: source.Address, Digest: checkpoint.Digest, Size: checkpoint.Size, Declared: declared}
	return p.records.setPin(*pulled.Pinned)
}
