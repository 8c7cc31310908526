package place

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/memstore"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// BundleWriter puts a bundle together. Weights stay where they are until Write copies them. The same calls make the same file. Its methods must not
// be called at the same time.
type BundleWriter struct{ draft bundleDraft }

// NewBundleWriter returns a writer of an empty bundle.
func NewBundleWriter() *BundleWriter {
	return &BundleWriter{bundleDraft{tags: map[string][]byte{}, files: map[digest.Digest]store.Fetcher{}}}
}

// AddIndex adds the signed index of the place that is called origin.
func (w *BundleWriter) AddIndex(ctx context.Context, index *manifest.IndexDocument, signature []byte, origin string) error {
	return w.draft.add(ctx, indexArtifact(index.Version, index.Raw, signature, origin), nil)
}

// AddEntry adds an entry, whose weights and recordings are in the store from.
func (w *BundleWriter) AddEntry(ctx context.Context, entry Entry, from store.Fetcher) error {
	return w.draft.add(ctx, entryArtifact(entry), from)
}

// AddUpstream adds upstream checkpoints, which are in the store from. Call it at most once.
func (w *BundleWriter) AddUpstream(ctx context.Context, checkpoints []pins.Pin, from store.Fetcher) error {
	content, err := json.MarshalIndent(checkpoints, "", "  ")
	if err != nil {
		return err
	}
	a := artifact{tag: upstreamTag, small: new(memstore.Store)}
	a.Config.Descriptor.Name = upstreamTag
	a.addSmall(upstreamFile, content)
	for i, pin := range checkpoints {
		name := fmt.Sprintf("%d/%s", i, path.Base(pin.Address))
		a.addFile(name, ocistore.MediaTypeWeights, store.Blob{Digest: pin.Digest, Size: pin.Size})
	}
	return w.draft.add(ctx, a, from)
}

// Write writes the bundle to a file, which appears whole or not at all, and returns its size in bytes. progress, which may be nil, is told the
// bytes written so far.
func (w *BundleWriter) Write(ctx context.Context, path string, progress func(done int64)) (size int64, err error) {
	tags, err := w.draft.Tags(ctx)
	if err != nil {
		return 0, err
	}
	err = disk.Replace(path, 0o644, func(to io.Writer) error {
		return ocistore.WriteBundle(ctx, &progressWriter{ctx: ctx, to: to, done: &size, progress: progress}, &w.draft, tags...)
	})
	return size, err
}

// progressWriter reports progress, and ends with its context.
type progressWriter struct {
	ctx      context.Context //nolint:containedctx // the context of the call to Write
	to       io.Writer
	done     *int64
	progress func(done int64)
}

func (w *progressWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.to.Write(p)
	if *w.done += int64(n); w.progress != nil {
		w.progress(*w.done)
	}
	return n, err
}

// bundleDraft has the artifacts of a bundle before they are written: their manifests are in memory, their files still in other stores.
type bundleDraft struct {
	small memstore.Store
	tags  map[string][]byte
	files map[digest.Digest]store.Fetcher
}

var _ ocistore.Place = (*bundleDraft)(nil)

// add adds an artifact. Its files that are not in memory are in the store from.
func (d *bundleDraft) add(ctx context.Context, a artifact, from store.Fetcher) error {
	for _, file := range a.Files {
		d.files[file.Blob.Digest] = a.source(from)
	}
	return a.publish(ctx, from, d, store.Options{})
}

// source returns the store that has a blob.
func (d *bundleDraft) source(blob store.Blob) store.Fetcher {
	if from, found := d.files[blob.Digest]; found {
		return from
	}
	return &d.small
}

// Stat implements store.Stater.
func (d *bundleDraft) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	return d.source(blob).Stat(ctx, blob)
}

// Fetch implements store.Fetcher.
func (d *bundleDraft) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	return d.source(blob).Fetch(ctx, blob)
}

// FetchRange implements store.RangeFetcher. A bundle is written in order, so nothing calls it.
func (d *bundleDraft) FetchRange(context.Context, store.Blob, string, store.Span) (io.ReadCloser, error) {
	return nil, store.ErrNoRanges
}

// Push implements store.Pusher. Files are never pushed, because Stat finds them; all else is small.
func (d *bundleDraft) Push(ctx context.Context, blob store.Blob, content io.Reader) (store.Blob, error) {
	return d.small.Push(ctx, blob, content)
}

// PushManifest implements ocistore.Place.
func (d *bundleDraft) PushManifest(_ context.Context, tag string, content []byte) (store.Blob, error) {
	d.tags[tag] = content
	return store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content))}, nil
}

// FetchManifest implements ocistore.Source.
func (d *bundleDraft) FetchManifest(_ context.Context, tag string) ([]byte, error) {
	if content, found := d.tags[tag]; found {
		return content, nil
	}
	return nil, fmt.Errorf("%w: %s", store.ErrNotFound, tag)
}

// Tags implements ocistore.Source.
func (d *bundleDraft) Tags(context.Context) ([]string, error) {
	var tags []string
	for tag := range d.tags {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags, nil
}
