package cache

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Draft takes one blob that is needed for a short time only, such as a checkpoint that is converted. It is verified, and can be resumed, like any
// other, but it is not visible in the cache and is not synced. Use it as the destination of one store.Copy. It has the lock of the blob until
// Close or Discard.
type Draft struct {
	cache   *Cache
	partial *partial
	blob    store.Blob // complete once partial is whole
}

var _ store.Resumer = (*Draft)(nil)

// Draft returns a Draft. If the cache has the blob already, that one is used.
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
		return store.Blob{}, p.cache.writing(err)
	}
	p.draft.blob = blob
	return blob, nil
}

// Close implements store.Partial.
func (p *draftPartial) Close() error {
	if p.draft.blob.Digest != "" {
		return nil // the draft closes it
	}
	return p.partial.Close()
}

// Path returns the file of the blob, for mapping and reading.
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

// Close keeps what is there for the next copy. After Keep or Discard it does nothing.
func (d *Draft) Close() error {
	if d.partial == nil {
		return nil
	}
	return d.partial.Close()
}

// Discard removes the file.
func (d *Draft) Discard() error {
	if d.blob.Digest == "" {
		return d.Close()
	}
	return errors.Join(d.partial.remove(), d.partial.Close())
}
