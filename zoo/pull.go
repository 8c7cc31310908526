package zoo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// PullOptions change how Pull works. The zero value tries everything and checks everything.
type PullOptions struct {
	// Source is the only upstream source to use, by name; the places' canonical blobs are passed over then.
	Source string
	// Repin accepts an upstream file that is another than the one that was pinned.
	Repin bool
	// KeepUpstream leaves the upstream checkpoint in the cache after it was converted.
	KeepUpstream bool
	// SkipCheck trusts weights that are in the cache already, instead of computing their digest again.
	SkipCheck bool
	// Progress is told how far the step under way is: bytes done, and in all or store.UnknownSize. Calls never overlap.
	Progress func(step Step, done, total int64)
	// Notice is told of what Pull got over: a source that failed, a damaged file in the cache. Calls never overlap.
	Notice func(error)
	// Streams is how many ranges are fetched at once; 0 takes the default of package store.
	Streams int
}

// Step is a part of the work.
type Step string

// The steps of a pull and of a publication.
const (
	Downloading Step = "downloading"
	Decoding    Step = "decoding"
	Converting  Step = "converting"
	Checking    Step = "checking"
	Packing     Step = "encoding"
	Uploading   Step = "uploading"
)

// Pulled are weights in the cache.
type Pulled struct {
	*Found
	// Path is the canonical safetensors file. It must not be written to.
	Path string
	// Weights identify its bytes.
	Weights store.Blob
	// From says where they came from: "the cache", the name of a place, or of a source.
	From string
	// Upstream is the source whose checkpoint was converted; nil where the zoo's own blob was taken.
	Upstream *manifest.Source
	// Checkpoint is the file of Upstream, with its digest.
	Checkpoint store.Blob
	// Pinned is the digest that was not known before and is pinned from now on; nil where none was.
	Pinned *Pin
	// Notes are about the conversion, for people.
	Notes []string
}

// Pull brings the weights of a manifest into the cache, and gives their file. Nothing is handed over that was not verified: against the
// manifest where it has digests, against what was pinned before where it has none. It may be interrupted at any moment; the next Pull goes on
// where it stopped. Processes that pull the same weights wait for one another.
func (z *Zoo) Pull(ctx context.Context, found *Found, options PullOptions) (*Pulled, error) {
	p := &pull{zoo: z, found: found, options: options, records: z.records()}
	if err := p.checkSource(); err != nil {
		return nil, err
	}
	if pulled, err := p.fromCache(ctx); pulled != nil || err != nil {
		return pulled, err
	}
	// The lock is a blob under way that nobody ever finishes.
	lock, err := z.options.Cache.Begin(ctx, store.Blob{Name: "pull of " + string(found.Digest()), Size: store.UnknownSize})
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if pulled, err := p.fromCache(ctx); pulled != nil || err != nil {
		return pulled, err
	}
	return p.fetch(ctx)
}

func (z *Zoo) records() records {
	folder := z.options.Cache.Dir()
	return records{own: filepath.Join(z.options.State, "pins"), shared: filepath.Join(folder, "pins"), cache: folder}
}

// pull is one Pull.
type pull struct {
	zoo     *Zoo
	found   *Found
	options PullOptions
	records records
}

// UnknownSourceError says that a manifest has no source of that name.
type UnknownSourceError struct {
	Name    string
	Sources []string
}

func (e *UnknownSourceError) Error() string {
	return fmt.Sprintf("the manifest has no source %.60q", e.Name)
}

// Hint lists the sources.
func (e *UnknownSourceError) Hint() string { return fmt.Sprintf("its sources are %q", e.Sources) }

func (p *pull) checkSource() error {
	var names []string
	for _, source := range p.found.Sources {
		if source.Name == p.options.Source {
			return nil
		}
		names = append(names, source.Name)
	}
	if p.options.Source == "" {
		return nil
	}
	return &UnknownSourceError{Name: p.options.Source, Sources: names}
}

func (p *pull) notice(err error) {
	if p.options.Notice != nil {
		p.options.Notice(err)
	}
}

// storeOptions are those of a copy that is one step.
func (p *pull) storeOptions(step Step) store.Options {
	options := store.Options{Notice: p.options.Notice, Streams: p.options.Streams}
	if p.options.Progress != nil {
		options.Progress = func(done, total int64) { p.options.Progress(step, done, total) }
	}
	return options
}

// wanted gives the sources that may be used.
func (p *pull) wanted() []manifest.Source {
	if p.options.Source == "" {
		return p.found.Sources
	}
	for _, source := range p.found.Sources {
		if source.Name == p.options.Source {
			return []manifest.Source{source}
		}
	}
	return nil
}

// blobs gives the canonical blobs that may be used.
func (p *pull) blobs() []manifest.Blob {
	if p.options.Source != "" {
		return nil
	}
	return p.found.Blobs
}

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

// fromCache gives the weights where the cache has them, or neither weights nor error.
func (p *pull) fromCache(ctx context.Context) (*Pulled, error) {
	for _, blob := range p.blobs() {
		content := blob.Weights()
		weights := store.Blob{Digest: store.Digest(content.Digest), Size: content.Size}
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
