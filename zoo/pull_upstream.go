package zoo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

// convertedBefore returns what an earlier pull converted a source to, if the cache still has it, else nil.
func (p *pull) convertedBefore(ctx context.Context, source manifest.Source) (*PullResult, error) {
	known, err := p.identify(source)
	if err != nil || known.Digest == "" {
		return nil, err
	}
	before, err := p.records.Conversion(pins.Conversion{Checkpoint: known.Digest, Architecture: p.architecture(), Form: canonicalForm})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pulled, err := p.checkCached(ctx, store.Blob{Digest: before.Weights, Size: before.Size})
	if pulled == nil || err != nil {
		return nil, err
	}
	pulled.Upstream, pulled.Checkpoint = &source, known.Blob
	if known.shared {
		return pulled, p.pin(pulled, source, known.Blob, false)
	}
	return pulled, nil
}

// architecture returns the name of the architecture in records: one that the manifest describes is named by a digest.
func (p *pull) architecture() string {
	if p.match.Config == nil {
		return p.match.Architecture
	}
	return string(digest.FromString(fmt.Sprintf("%+v", *p.match.Config)))
}

// fromUpstream downloads the checkpoint of a source, converts it, checks the result, and remembers both digests.
func (p *pull) fromUpstream(ctx context.Context, source manifest.Source) (*PullResult, error) {
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
	if err != nil && ctx.Err() == nil { // converting the same bytes again would fail again
		err = errors.Join(fmt.Errorf("%s: %w", source.Address, err), draft.Discard(), p.zoo.options.Cache.Remove(checkpoint.Digest))
	}
	if err != nil {
		return nil, err
	}
	if err := p.checkOtherSources(ctx, source, pulled.Weights); err != nil {
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

// download copies the checkpoint of a source to a store. declared reports that the server stated the digest that the file has.
func (p *pull) download(ctx context.Context, source manifest.Source, known knownFile, to store.Pusher) (checkpoint store.Blob, declared bool, err error) {
	from, blob, archived := p.zoo.archived(source.Address)
	if !archived {
		blob = known.Blob
		if from, err = p.zoo.upstream(source.Address); err != nil {
			return store.Blob{}, false, err
		}
	}
	if archived && known.Digest != "" && blob.Digest != known.Digest {
		return store.Blob{}, false, explainMismatch(source, known, &store.DigestError{Name: source.Address, Want: known.Digest, Got: blob.Digest, Chunk: -1})
	}
	info, err := from.Stat(ctx, blob)
	if err != nil {
		return store.Blob{}, false, err
	}
	options := p.copyOptions(Downloading)
	options.MaxSize = p.limit()
	if info.Size > options.MaxSize {
		return store.Blob{}, false, &store.SizeError{Name: source.Address, Want: options.MaxSize, Got: info.Size, Source: info.Source}
	}
	checkpoint, err = store.Copy(ctx, from, to, blob, options)
	if err != nil {
		return store.Blob{}, false, explainMismatch(source, known, err)
	}
	if err := checkPrefix(source, checkpoint); err != nil {
		return store.Blob{}, false, errors.Join(err, p.zoo.options.Cache.Remove(checkpoint.Digest))
	}
	return checkpoint, info.Digest == checkpoint.Digest, nil
}

// PrefixError says that the digest of an upstream file does not begin with the digits that its publisher states.
type PrefixError struct {
	Address string
	// Want are the first digits in hexadecimal.
	Want string
	Got  digest.Digest
}

func (e *PrefixError) Error() string {
	return fmt.Sprintf("%s is not the file that its publisher named: its SHA-256 digest should begin with %s, and is %s", e.Address, e.Want, e.Got.Encoded())
}

// Is makes a PrefixError a store.ErrDigestMismatch and an errdef.ErrIntegrity.
func (*PrefixError) Is(kind error) bool {
	return kind == store.ErrDigestMismatch || kind == errdef.ErrIntegrity
}

// Hint says what may have happened.
func (e *PrefixError) Hint() string {
	return "it was damaged on the way or replaced: pull again, take another source, or ask the publisher"
}

// checkPrefix compares the digest of a downloaded file with the digits that a source states.
func checkPrefix(source manifest.Source, checkpoint store.Blob) error {
	if strings.HasPrefix(checkpoint.Digest.Encoded(), source.DigestPrefix) {
		return nil
	}
	return &PrefixError{Address: source.Address, Want: source.DigestPrefix, Got: checkpoint.Digest}
}

// limit returns the size in bytes above which a checkpoint is refused.
func (p *pull) limit() int64 {
	config, err := Architecture(&p.match.Manifest)
	if err != nil {
		return store.DefaultMaxSize
	}
	return manifest.MaxCheckpoint(config)
}

// ChangedError says that an upstream file is not the one that was pinned.
type ChangedError struct {
	Address string
	Pinned  digest.Digest
	// Err is the mismatch: a *store.DigestError or *store.SizeError.
	Err error
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s is not the file that was pulled before (pinned: %s): %s", e.Address, e.Pinned, e.Err)
}

func (e *ChangedError) Unwrap() error { return e.Err }

// Hint says what may have happened.
func (e *ChangedError) Hint() string {
	return "the publisher or somebody else replaced it; if you trust the new file, accept it as it is now"
}

// explainMismatch turns a digest mismatch into a *ChangedError if the expected digest was pinned.
func explainMismatch(source manifest.Source, known knownFile, err error) error {
	if !known.pinned || !errors.Is(err, store.ErrDigestMismatch) {
		return err
	}
	return &ChangedError{Address: source.Address, Pinned: known.Digest, Err: err}
}

// convert writes the canonical file of a checkpoint to the cache.
func (p *pull) convert(ctx context.Context, source manifest.Source, checkpoint store.Blob, draft *cache.Draft) (*PullResult, error) {
	path, err := draft.Path(checkpoint.Digest)
	if err != nil {
		return nil, err
	}
	config, err := Architecture(&p.match.Manifest)
	if err != nil {
		return nil, err
	}
	from, err := openCanonical(ctx, path, checkpoint.Digest, convert.OpenOptions{From: source.Scheme, Arch: &config})
	if err != nil {
		return nil, err
	}
	defer from.Close()
	name := fmt.Sprintf("canonical weights of %s, %s", from.version, p.architecture())
	weights, err := store.Copy(ctx, from, p.zoo.options.Cache, store.Blob{Name: name, Size: from.size}, p.copyOptions(Converting))
	if err != nil {
		return nil, err
	}
	pulled, err := p.result(weights, source.Name)
	if err != nil {
		return nil, err
	}
	pulled.Upstream, pulled.Checkpoint, pulled.Notes = &source, checkpoint, from.Notes
	if err := p.checkTensors(ctx, from.Tensors); err != nil {
		return nil, errors.Join(err, p.zoo.options.Cache.Remove(weights.Digest))
	}
	return pulled, p.records.SetConversion(pins.Conversion{
		Checkpoint: checkpoint.Digest, Architecture: p.architecture(), Form: canonicalForm, Weights: weights.Digest, Size: weights.Size,
	})
}

// pin remembers the digest of a file for which the manifest states none.
func (p *pull) pin(pulled *PullResult, source manifest.Source, checkpoint store.Blob, declared bool) error {
	pulled.Pinned = &pins.Pin{Address: source.Address, Digest: checkpoint.Digest, Size: checkpoint.Size, Declared: declared}
	return p.records.SetPin(*pulled.Pinned)
}
