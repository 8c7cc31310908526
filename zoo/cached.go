package zoo

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// fromCache gives the weights where the cache has them, or neither weights nor error.
func (p *pull) fromCache(ctx context.Context) (*Pulled, error) {
	for _, blob := range p.blobs() {
		content := blob.Weights()
		weights := store.Blob{Digest: content.Digest, Size: content.Size}
		if blob.Encoding == manifest.NoEncoding {
			weights = blobOf(&blob, "")
		}
		if pulled, err := p.cached(ctx, weights); pulled != nil || err != nil {
			return pulled, err
		}
	}
	for _, source := range p.wanted() {
		pulled, err := p.converted(ctx, source)
		if pulled != nil || err != nil {
			return pulled, err
		}
	}
	return nil, nil
}

// cached checks weights in the cache. Damaged ones are removed.
func (p *pull) cached(ctx context.Context, weights store.Blob) (*Pulled, error) {
	weights.Name = p.found.Reference().String()
	if _, err := p.zoo.options.Cache.Stat(ctx, weights); err != nil {
		return nil, nil //nolint:nilerror // a cache that cannot be read has nothing
	}
	pulled, err := p.done(weights, "the cache")
	if err != nil || p.options.SkipCheck {
		return pulled, err
	}
	err = p.check(ctx, pulled)
	if errors.Is(err, store.ErrDigestMismatch) {
		p.notice(fmt.Errorf("a file in the cache was damaged and is removed: %w", err))
		return nil, p.zoo.options.Cache.Remove(weights.Digest)
	}
	if err != nil {
		return nil, err
	}
	return pulled, nil
}

// check computes the digest of weights that lay in the cache for unknown time.
func (p *pull) check(ctx context.Context, pulled *Pulled) error {
	file, err := os.Open(pulled.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if p.options.Progress != nil {
		p.options.Progress(Checking, 0, info.Size())
	}
	if err := store.Verify(ctx, file, info.Size(), pulled.Weights); err != nil {
		return err
	}
	pulled.Weights.Size = info.Size()
	if p.options.Progress != nil {
		p.options.Progress(Checking, info.Size(), info.Size())
	}
	return nil
}
