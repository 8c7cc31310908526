package zoo

import (
	"context"
	"fmt"
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
