package zoo

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Candidate is something that Pull would try.
type Candidate struct {
	// Name is that of the source or of the place.
	Name string
	// Address is where the bytes would come from; empty for the cache.
	Address string
	// Digest is that of the file to fetch, if it is known. Pinned reports that it is known from an earlier pull.
	Digest digest.Digest
	Pinned bool
	// Bytes is the size, or store.UnknownSize. Exact reports that the manifest or the server states it; otherwise it is an estimate.
	Bytes int64
	Exact bool
	// Cached reports that the cache has the weights, and nothing is fetched.
	Cached bool
	// Upstream reports that this is an upstream source, not a place.
	Upstream bool
	// Err says why the candidate is not available now. It is nil for the first one that is available, and for those after it, which are not asked.
	Err error
}

// Plan returns what Pull would try, in order, without fetching anything. It asks servers for sizes, up to the first that
// answers.
func (z *Zoo) Plan(ctx context.Context, match *Match, options PullOptions) ([]Candidate, error) {
	options.SkipCheck = true
	p := z.newPull(match, options)
	if err := p.checkSource(); err != nil {
		return nil, err
	}
	cached, err := p.fromCache(ctx)
	if err != nil {
		return nil, err
	}
	if cached != nil {
		return []Candidate{{Name: "the cache", Digest: cached.Weights.Digest, Bytes: cached.Weights.Size, Exact: true, Cached: true}}, nil
	}
	candidates, err := p.candidates()
	for i := range candidates {
		if err != nil || z.complete(ctx, &candidates[i]) {
			break
		}
	}
	for i := range candidates {
		candidates[i].Address = z.options.Hub.Address(candidates[i].Address)
	}
	return candidates, err
}

// candidates lists the blobs and sources.
func (p *pull) candidates() ([]Candidate, error) {
	var all []Candidate
	for _, blob := range p.wantedBlobs() {
		if p.match.Place != nil {
			all = append(all, Candidate{
				Name: p.match.Place.String(), Address: p.match.Place.String(), Digest: blob.Digest, Bytes: blob.Size, Exact: true,
			})
		}
	}
	for _, source := range p.wantedSources() {
		known, err := p.identify(source)
		if err != nil {
			return nil, err
		}
		c := Candidate{Name: source.Name, Address: source.Address, Digest: known.Digest, Pinned: known.pinned, Bytes: known.Size, Exact: known.Size >= 0, Upstream: true}
		if c.Bytes < 0 && source.Estimate > 0 {
			c.Bytes = source.Estimate
		}
		all = append(all, c)
	}
	return all, nil
}

// complete fills in what a server says of an upstream file, and reports whether the candidate is available.
func (z *Zoo) complete(ctx context.Context, c *Candidate) bool {
	if c.Upstream {
		from, blob, archived := z.archived(c.Address)
		if !archived {
			blob = store.Blob{Name: c.Address, Size: store.UnknownSize}
			if from, c.Err = z.upstream(c.Address); c.Err != nil {
				return false
			}
		}
		var info store.Info
		if info, c.Err = from.Stat(ctx, blob); c.Err != nil {
			return false
		}
		if info.Size >= 0 {
			c.Bytes, c.Exact = info.Size, true
		}
	}
	return true
}
