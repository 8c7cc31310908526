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
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// canonicalForm is the version of the conversion. Raise it with every change that makes a checkpoint convert to different bytes.
const canonicalForm = 1

// canonicalFile is a store of one file: the canonical safetensors file that a checkpoint converts to. Its bytes are computed when they are
// fetched: so store.Copy converts in parallel, verifies and resumes, as it does with any source.
type canonicalFile struct {
	*convert.Model
	parts []output.Part
	size  int64
	// version identifies the content: the digest of the checkpoint and the version of the conversion.
	version string
}

var _ store.RangeFetcher = (*canonicalFile)(nil)

// openCanonical opens the checkpoint at path, which has the given digest. The caller closes it.
func openCanonical(ctx context.Context, path string, checkpoint digest.Digest, options convert.OpenOptions) (*canonicalFile, error) {
	model, err := convert.Open(ctx, path, options)
	if err != nil {
		return nil, err
	}
	parts, err := safetensors.Layout(model.Tensors, convert.Metadata(naming.Canonical, model.Config))
	if err != nil {
		return nil, errors.Join(err, model.Close())
	}
	version := fmt.Sprintf("%s form %d", checkpoint, canonicalForm)
	if options.Select != "" || options.Epsilon != 0 { // other bytes than those without them
		version += fmt.Sprintf(" select %q epsilon %g", options.Select, options.Epsilon)
	}
	return &canonicalFile{Model: model, parts: parts, size: output.Total(parts), version: version}, nil
}

// Stat implements store.Stater. Whatever the blob is, it is about the file.
func (c *canonicalFile) Stat(context.Context, store.Blob) (store.Info, error) {
	return store.Info{Size: c.size, Version: c.version, Ranges: true, Source: "conversion"}, nil
}

// Fetch implements store.Fetcher.
func (c *canonicalFile) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	return c.FetchRange(ctx, blob, c.version, store.Span{Size: c.size})
}

// FetchRange implements store.RangeFetcher.
func (c *canonicalFile) FetchRange(ctx context.Context, _ store.Blob, _ string, span store.Span) (io.ReadCloser, error) {
	reader, writer := io.Pipe()
	go func() {
		w := &window{ctx: ctx, to: writer, skip: span.Offset, left: span.Size}
		writer.CloseWithError(tensor.Guard(func() error { return c.write(w) }))
	}()
	return reader, nil
}

// write writes the parts of the file that are in the window.
func (c *canonicalFile) write(w *window) error {
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

// errFull stops a WriteTo once the window has all it needs.
var errFull = errdef.New(errdef.ErrInput, "the window is full")

// window passes on a range of what is written to it: it drops the first skip bytes and passes on the next left.
type window struct {
	ctx        context.Context //nolint:containedctx // the context of the reader that gets the bytes
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
