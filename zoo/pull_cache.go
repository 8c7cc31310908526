package zoo

import (
	"context"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// fromCache returns the weights if the cache has them, else nil.
func (p *pull) fromCache(ctx context.Context) (*PullResult, error) {
	for _, blob := range p.wantedBlobs() {
		weights := place.ContentBlob(blob.Weights(), "")
		if blob.Encoding == manifest.NoEncoding {
			weights = place.BlobOf(&blob, "")
		}
		if pulled, err := p.checkCached(ctx, weights); pulled != nil || err != nil {
			return pulled, err
		}
	}
	for _, source := range p.wantedSources() {
		pulled, err := p.convertedBefore(ctx, source)
		if pulled != nil || err != nil {
			return pulled, err
		}
	}
	return nil, nil
}

// checkCached returns weights that the cache has, verified, or nil. Damaged ones are removed.
func (p *pull) checkCached(ctx context.Context, weights store.Blob) (*PullResult, error) {
	weights.Name = p.match.Reference().String()
	if _, err := p.zoo.options.Cache.Stat(ctx, weights); err != nil {
		return nil, nil //nolint:nilerror // a cache that cannot be read has nothing
	}
	pulled, err := p.result(weights, "the cache")
	if err != nil || p.options.SkipCheck {
		return pulled, err
	}
	pulled.Weights.Size, err = p.zoo.options.Cache.VerifyBlob(ctx, weights, func(done, total int64) {
		if p.options.Progress != nil {
			p.options.Progress(Checking, done, total)
		}
	})
	if errors.Is(err, store.ErrDigestMismatch) {
		p.notice(fmt.Errorf("a file in the cache was damaged and is removed: %w", err))
		return nil, p.zoo.options.Cache.Remove(weights.Digest)
	}
	if err != nil {
		return nil, err
	}
	return pulled, nil
}
