package zoo

import (
	"context"
	"fmt"
	"sync"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// fetch tries the canonical blobs, then the upstream sources. If all fail, the error is a *PullError.
func (p *pull) fetch(ctx context.Context) (*PullResult, error) {
	var problems []error
	notices := p.holdNotices()
	try := func(pulled *PullResult, err error) *PullResult {
		if err != nil {
			problems = append(problems, err)
			p.notice(err)
		} else {
			notices.release()
		}
		return pulled
	}
	for _, blob := range p.wantedBlobs() {
		if pulled := try(p.fromPlace(ctx, blob)); pulled != nil || ctx.Err() != nil {
			return pulled, p.ended(ctx, problems)
		}
	}
	for _, source := range p.wantedSources() {
		if pulled := try(p.fromUpstream(ctx, source)); pulled != nil || ctx.Err() != nil {
			return pulled, p.ended(ctx, problems)
		}
	}
	return nil, &PullError{Name: p.match.Reference().String(), Problems: problems}
}

// heldNotices keeps notices until it is clear that they are not what ends the pull, whose error says the same. Each is passed on once.
type heldNotices struct {
	mu     sync.Mutex
	tell   func(error)
	held   []error
	passed map[string]bool
}

// holdNotices makes p hold notices until bytes arrive, or until they are released.
func (p *pull) holdNotices() *heldNotices {
	h := &heldNotices{tell: p.options.Notice, passed: map[string]bool{}}
	if h.tell == nil {
		return h
	}
	p.options.Notice = h.add
	shown := p.options.Progress
	p.options.Progress = func(step Step, done, total int64) {
		if done > 0 {
			h.release()
		}
		if shown != nil {
			shown(step, done, total)
		}
	}
	return h
}

func (h *heldNotices) add(notice error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = append(h.held, notice)
}

func (h *heldNotices) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, notice := range h.held {
		if text := notice.Error(); !h.passed[text] {
			h.passed[text] = true
			h.tell(notice)
		}
	}
	h.held = nil
}

// ended returns nil while ctx lasts, and then the reason for its end, with the last of the problems before.
func (p *pull) ended(ctx context.Context, problems []error) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case len(problems) == 0:
		return context.Cause(ctx)
	}
	return store.Ended(ctx, p.match.Reference().String(), problems[len(problems)-1])
}

// PullError says that no source delivered the weights. It wraps the error of each source that was tried.
type PullError struct {
	// Name is that of the weights.
	Name string
	// Problems are the errors, in the order of the attempts.
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

// fromPlace fetches a canonical blob from its place, and decodes it if it is encoded.
func (p *pull) fromPlace(ctx context.Context, blob manifest.Blob) (*PullResult, error) {
	from := p.match.Place
	name := p.match.Reference().String()
	switch {
	case from == nil:
		return nil, fmt.Errorf("%w: no place is known that has the canonical weights of %s", store.ErrNotFound, name)
	case p.zoo.options.Offline && !from.Local():
		return nil, &OfflineError{What: name}
	}
	copied, err := store.Copy(ctx, from.Blobs(), p.zoo.options.Cache, place.BlobOf(&blob, name), p.copyOptions(Downloading))
	if err != nil {
		return nil, err
	}
	if blob.Encoding != manifest.NoEncoding {
		if copied, err = p.decode(ctx, &blob, copied); err != nil {
			return nil, err
		}
	}
	return p.result(copied, from.String())
}

// result returns the result for weights that are in the cache.
func (p *pull) result(weights store.Blob, from string) (*PullResult, error) {
	path, err := p.zoo.options.Cache.Path(weights.Digest)
	if err != nil {
		return nil, err
	}
	return &PullResult{Match: p.match, Path: path, Weights: weights, From: from}, nil
}
