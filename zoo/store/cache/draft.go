package cache

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Draft takes one blob that is needed for a short time only, such as a checkpoint that is converted. Like any blob it is verified, and can be resumed,
// but it is not visible in the cache and not synced. Use it as the destination of one store.Copy, from one goroutine. It has the lock of the blob until
// Keep, Discard or Close.
type Draft struct {
	cache   *Cache
	partial *partial
	blob    store.Blob // set once partial is complete and verified
}

var _ store.Resumer = (*Draft)(nil)

// Draft returns an empty Draft. The caller closes it. If the cache has the blob already, a copy uses that one.
func (c *Cache) Draft() *Draft { return &Draft{cache: c} }

// Stat implements store.Stater.
func (d *Draft) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	return d.cache.Stat(ctx, blob)
}

// Push stores the blob in the cache.
func (d *Draft) Push(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	return d.cache.Push(ctx, blob, content)
}

// Begin implements store.Resumer.
func (d *Draft) Begin(ctx context.Context, blob store.Blob) (store.Partial, error) {
	p, err := d.cache.begin(ctx, blob, true)
	if err != nil {
		return nil, err
	}
	d.partial = p
	return &draftPartial{p, d}, nil
}

// draftPartial is a partial blob that keeps its name when it is complete.
type draftPartial struct {
	*partial
	draft *Draft
}

// Commit implements store.Partial.
func (p *draftPartial) Commit(ctx context.Context, blob store.Blob) (store.Blob, error) {
	blob, err := p.check(ctx, blob)
	if err != nil {
		return store.Blob{}, err
	}
	if err := p.file.Truncate(blob.Size); err != nil {
		return store.Blob{}, p.cache.writeError(err)
	}
	p.draft.blob = blob
	return blob, nil
}

// Close implements store.Partial.
func (p *draftPartial) Close() error {
	if p.draft.blob.Digest != "" {
		return nil // the draft closes p
	}
	return p.partial.Close()
}

// Path returns the file of the blob, to be mapped and read, until Keep, Discard or Close.
func (d *Draft) Path(blob digest.Digest) (string, error) {
	if d.blob.Digest != "" && d.blob.Digest == blob {
		return d.partial.file.Name(), nil
	}
	return d.cache.Path(blob)
}

// Keep makes the draft a blob of the cache.
func (d *Draft) Keep() error {
	if d.blob.Digest == "" {
		return nil
	}
	return d.partial.publish(d.blob)
}

// Close keeps what arrived for the next copy. After Keep or Discard it does nothing.
func (d *Draft) Close() error {
	if d.partial == nil {
		return nil
	}
	return d.partial.Close()
}

// Discard removes the file. A blob that the cache had already stays.
func (d *Draft) Discard() error {
	if d.blob.Digest == "" {
		return d.Close()
	}
	return errors.Join(d.partial.remove(), d.partial.Close())
}
