package zoo

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Candidate is something that Pull would try, in its order.
type Candidate struct {
	// Name is that of the source, or of the place.
	Name string
	// Address is where the bytes would come from; empty for the cache.
	Address string
	// Digest of what would be fetched, where it is known, and Pinned whether it is known from an earlier pull.
	Digest digest.Digest
	Pinned bool
	// Bytes is the size, or store.UnknownSize; Exact tells a size that the manifest or the server states from an estimate.
	Bytes int64
	Exact bool
	// Cached tells that nothing need be fetched.
	Cached bool
	// Upstream tells a source from a place.
	Upstream bool
	// Err says why it cannot be had now; nil where it can, or where nobody was asked because of an earlier candidate.
	Err error
}

// Plan says what Pull would do, without fetching anything. Servers are asked for sizes, up to the first that answers.
func (z *Zoo) Plan(ctx context.Context, found *Found, options PullOptions) ([]Candidate, error) {
	options.SkipCheck = true
	p := &pull{zoo: z, found: found, options: options, records: z.records()}
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
		if err != nil || z.ask(ctx, &candidates[i]) {
			break
		}
	}
	return candidates, err
}

// candidates lists the blobs and sources.
func (p *pull) candidates() ([]Candidate, error) {
	var all []Candidate
	for _, blob := range p.blobs() {
		if p.found.Place != nil {
			all = append(all, Candidate{
				Name: p.found.Place.String(), Address: p.found.Place.String(), Digest: blob.Digest, Bytes: blob.Size, Exact: true,
			})
		}
	}
	for _, source := range p.wanted() {
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

// ask fills in what a server says of an upstream file, and tells whether it can be had.
func (z *Zoo) ask(ctx context.Context, c *Candidate) bool {
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
