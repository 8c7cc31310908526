package zoo

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// fetch tries the canonical blobs, then the sources. It fails with the errors of all.
func (p *pull) fetch(ctx context.Context) (*Pulled, error) {
	var problems []error
	try := func(pulled *Pulled, err error) *Pulled {
		if err != nil {
			problems = append(problems, err)
			p.notice(err)
		}
		return pulled
	}
	for _, blob := range p.blobs() {
		if pulled := try(p.fromPlace(ctx, blob)); pulled != nil || ctx.Err() != nil {
			return pulled, context.Cause(ctx)
		}
	}
	for _, source := range p.wanted() {
		if pulled := try(p.fromUpstream(ctx, source)); pulled != nil || ctx.Err() != nil {
			return pulled, context.Cause(ctx)
		}
	}
	return nil, &PullError{Name: p.found.Reference().String(), Problems: problems}
}

// PullError has the errors of everything that was tried.
type PullError struct {
	Name     string
	Problems []error
}

func (e *PullError) Error() string {
	if len(e.Problems) == 1 {
		return fmt.Sprintf("pulling %s: %s", e.Name, e.Problems[0])
	}
	text := fmt.Sprintf("pulling %s: every source failed", e.Name)
	for _, problem := range e.Problems {
		text += "\n  " + problem.Error()
	}
	return text
}

func (e *PullError) Unwrap() []error { return e.Problems }

// fromPlace fetches a canonical blob, and decodes it where it is coded.
func (p *pull) fromPlace(ctx context.Context, blob manifest.Blob) (*Pulled, error) {
	place := p.found.Place
	name := p.found.Reference().String()
	switch {
	case place == nil:
		return nil, fmt.Errorf("%w: no place is known that has the canonical weights of %s", store.ErrNotFound, name)
	case p.zoo.options.Offline && !place.Local():
		return nil, &OfflineError{What: name}
	}
	copied, err := store.Copy(ctx, place.Blobs(), p.zoo.options.Cache, blobOf(&blob, name), p.storeOptions(Downloading))
	if err != nil {
		return nil, err
	}
	if blob.Encoding != manifest.NoEncoding {
		if copied, err = p.decode(ctx, &blob, copied); err != nil {
			return nil, err
		}
	}
	return p.done(copied, place.String())
}

// done makes the result of weights that are in the cache.
func (p *pull) done(weights store.Blob, from string) (*Pulled, error) {
	path, err := p.zoo.options.Cache.Path(weights.Digest)
	if err != nil {
		return nil, err
	}
	return &Pulled{Found: p.found, Path: path, Weights: weights, From: from}, nil
}
