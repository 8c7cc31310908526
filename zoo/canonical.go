package zoo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// canonicalForm is the version of what canonical makes of a checkpoint; it counts up when the same checkpoint would give another file.
const canonicalForm = 1

// canonical is a checkpoint as the canonical safetensors file that it makes. No byte is computed before it is fetched, so that store.Copy
// converts with several streams, verifies, and goes on where it was interrupted, as with any other source.
type canonical struct {
	*convert.Model
	parts []output.Part
	size  int64
	// version names the content: what it is made of, and how.
	version string
}

var _ store.RangeFetcher = (*canonical)(nil)

// openCanonical opens the checkpoint at path, which has the given digest. The caller closes it.
func openCanonical(ctx context.Context, path string, checkpoint digest.Digest, options convert.OpenOptions) (*canonical, error) {
	model, err := convert.Open(ctx, path, options)
	if err != nil {
		return nil, err
	}
	parts, err := safetensors.Layout(model.Tensors, convert.Metadata(naming.Canonical, model.Config))
	if err != nil {
		return nil, errors.Join(err, model.Close())
	}
	version := fmt.Sprintf("%s form %d", checkpoint, canonicalForm)
	return &canonical{Model: model, parts: parts, size: output.Total(parts), version: version}, nil
}

// Stat implements store.Stater; every blob that is asked for is the file.
func (c *canonical) Stat(context.Context, store.Blob) (store.Info, error) {
	return store.Info{Size: c.size, Version: c.version, Ranges: true, Source: "conversion"}, nil
}

// Fetch implements store.Fetcher.
func (c *canonical) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	return c.FetchRange(ctx, blob, c.version, store.Span{Size: c.size})
}

// FetchRange implements store.RangeFetcher.
func (c *canonical) FetchRange(ctx context.Context, _ store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	reader, writer := io.Pipe()
	go func() {
		w := &window{ctx: ctx, to: writer, skip: span.Offset, left: span.Size}
		writer.CloseWithError(tensor.Guard(func() error { return c.write(w) }))
	}()
	return reader, nil
}

// write streams the parts that lie in the window.
func (c *canonical) write(w *window) error {
	for _, part := range c.parts {
		if w.left == 0 {
			return nil
		}
		if w.skip >= part.Size {
			w.skip -= part.Size
			continue
		}
		if err := writePart(w, part); err != nil && !errors.Is(err, errFull) {
			return err
		}
	}
	return nil
}

func writePart(w io.Writer, part output.Part) error {
	var err error
	if part.Fill != nil {
		_, err = w.Write(part.Fill(nil)) // a safetensors file has no checksums
	} else {
		_, err = part.Data.WriteTo(w)
	}
	return err
}

// errFull ends a WriteTo of which nothing more is wanted.
var errFull = errors.New("the window is full")

// window passes on a stretch of what is written to it.
type window struct {
	ctx        context.Context
	to         io.Writer
	skip, left int64
}

func (w *window) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	skipped := min(w.skip, int64(len(p)))
	w.skip -= skipped
	wanted := p[skipped:]
	if int64(len(wanted)) > w.left {
		wanted = wanted[:w.left]
	}
	if len(wanted) > 0 {
		n, err := w.to.Write(wanted)
		w.left -= int64(n)
		if err != nil {
			return int(skipped) + n, err
		}
	}
	if w.left == 0 {
		return int(skipped) + len(wanted), errFull
	}
	return len(p), nil
}
