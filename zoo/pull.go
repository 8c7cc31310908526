package zoo

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// PullOptions change what Pull does. The zero value tries every source and checks everything.
type PullOptions struct {
	// Source is the name of the only upstream source to use. If it is given, canonical blobs of places are not used.
	Source string
	// Repin accepts an upstream file that differs from the pinned one.
	Repin bool
	// KeepUpstream keeps the upstream checkpoint in the cache after it was converted.
	KeepUpstream bool
	// SkipCheck trusts weights that are in the cache already; otherwise their digest is computed again.
	SkipCheck bool
	// Progress, which may be nil, is told how far the current step is: the bytes that are done, and those in all or store.UnknownSize. Calls never
	// overlap.
	Progress func(step Step, done, total int64)
	// Notice, which may be nil, is told of problems that Pull recovered from: a source that failed, a damaged file in the cache. Calls never overlap.
	Notice func(error)
	// Streams is how many ranges are fetched at once; 0 is store.DefaultStreams.
	Streams int
}

// PullResult describes weights in the cache.
type PullResult struct {
	*Match
	// Path is the canonical safetensors file. It belongs to the cache: do not write to it. It stays until the cache is pruned.
	Path string
	// Weights identifies its bytes.
	Weights store.Blob
	// From says where they came from: "the cache", or the name of a place or source.
	From string
	// Upstream is the source whose checkpoint was converted; nil if the canonical blob of a place was used.
	Upstream *manifest.Source
	// Checkpoint is the file of Upstream that was converted, with its digest and size.
	Checkpoint store.Blob
	// Pinned is the digest that this pull pinned, or nil.
	Pinned *pins.Pin
	// Notes are remarks about the conversion, for people.
	Notes []string
}

// Pull brings the weights of a manifest into the cache, and returns their file. They are verified: against the digests of the manifest, or, for
// a file whose digest nobody published, against the digest that was pinned when it was first pulled. Pull may be interrupted at any moment; the
// next Pull resumes there. Processes that pull the same weights wait for one another.
//
// If every source fails, the error is a *PullError, which wraps the error of each; a pinned file that changed is a *ChangedError among them. A
// source that the manifest does not have is an *UnknownSourceError.
func (z *Zoo) Pull(ctx context.Context, match *Match, options PullOptions) (*PullResult, error) {
	p := z.newPull(match, options)
	if err := p.checkSource(); err != nil {
		return nil, err
	}
	if pulled, err := p.fromCache(ctx); pulled != nil || err != nil {
		return pulled, err
	}
	// A partial blob that is never finished is the lock between processes.
	lock, err := z.options.Cache.Begin(ctx, store.Blob{Name: "pull of " + string(match.Digest()), Size: store.UnknownSize})
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if pulled, err := p.fromCache(ctx); pulled != nil || err != nil {
		return pulled, err
	}
	return p.fetch(ctx)
}

// pull is one call of Pull.
type pull struct {
	zoo     *Zoo
	match   *Match
	options PullOptions
	records pins.Records
}

func (z *Zoo) newPull(match *Match, options PullOptions) *pull {
	return &pull{zoo: z, match: match, options: options, records: pins.Open(z.options.State, z.options.Cache.Dir())}
}

// UnknownSourceError says that a manifest has no source of that name.
type UnknownSourceError struct {
	Name string
	// Sources are the names of those that it has.
	Sources []string
}

func (e *UnknownSourceError) Error() string {
	return fmt.Sprintf("the manifest has no source %.60q", e.Name)
}

// Is makes an UnknownSourceError an errdef.ErrUsage.
func (*UnknownSourceError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint lists the sources.
func (e *UnknownSourceError) Hint() string { return fmt.Sprintf("its sources are %q", e.Sources) }

func (p *pull) checkSource() error {
	var names []string
	for _, source := range p.match.Sources {
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

func (p *pull) copyOptions(step Step) store.Options {
	options := copyOptions(step, p.options.Progress, p.options.Notice)
	options.Streams = p.options.Streams
	return options
}

// wantedSources returns the upstream sources that may be used, in order.
func (p *pull) wantedSources() []manifest.Source {
	if p.options.Source == "" {
		return p.match.Sources
	}
	for _, source := range p.match.Sources {
		if source.Name == p.options.Source {
			return []manifest.Source{source}
		}
	}
	return nil
}

// wantedBlobs returns the canonical blobs that may be used, in order.
func (p *pull) wantedBlobs() []manifest.Blob {
	if p.options.Source != "" {
		return nil
	}
	return p.match.Blobs
}
