package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Options change what Copy does. The zero value copies silently.
type Options struct {
	// Progress, which may be nil, is told how many bytes the destination has, and how many it will have in all, or UnknownSize. Calls never
	// overlap. done decreases when bytes turn out to be wrong.
	Progress func(done, total int64)
	// Notice, which may be nil, is told of every problem that Copy recovered from: a source that failed, a chunk that was wrong, a file that changed and had to be
	// fetched from the start. Calls never overlap.
	Notice func(problem error)
	// Streams is how many ranges are fetched at once, if the source has ranges; 0 is DefaultStreams.
	Streams int
	// MaxSize is the limit in bytes for a blob whose size is not known beforehand; 0 is DefaultMaxSize.
	MaxSize int64
}

// Defaults of Options.
const (
	// DefaultStreams is enough to fill a fast line. Browsers use six.
	DefaultStreams = 4
	// DefaultMaxSize is more than any model of this family has: the largest has 1.4 GB.
	DefaultMaxSize = 64 << 30
)

func (o Options) streams() int {
	if o.Streams > 0 {
		return o.Streams
	}
	return DefaultStreams
}

func (o Options) maxSize() int64 {
	if o.MaxSize > 0 {
		return o.MaxSize
	}
	return DefaultMaxSize
}

// Copy copies blob from src to dst and returns it with digest and size filled in if they were unknown. Every byte is verified before it is
// visible in dst; a blob that dst has already is not copied. If src is Mirrors and one fails, the next continues from there. A destination that
// is a Resumer keeps what arrived when Copy fails or its process dies, and the next Copy resumes there. The error wraps those of all sources, or is
// the cause of ctx.
func Copy(ctx context.Context, src Fetcher, dst Pusher, blob Blob, options Options) (Blob, error) {
	if err := blob.Validate(); err != nil {
		return Blob{}, err
	}
	w := &watch{options: options, total: blob.Size}
	copied, err := copyBlob(ctx, sourcesOf(src), dst, blob, w)
	if err != nil {
		return Blob{}, err
	}
	w.finish(copied.Size)
	return copied, nil
}

func copyBlob(ctx context.Context, sources []Fetcher, dst Pusher, blob Blob, w *watch) (Blob, error) {
	if blob.Digest != "" {
		info, err := dst.Stat(ctx, blob)
		if err == nil {
			return alreadyThere(blob, info)
		}
		if !errors.Is(err, ErrNotFound) {
			return Blob{}, err
		}
	}
	resumer, ok := dst.(Resumer)
	if !ok {
		return stream(ctx, sources, dst, blob, w)
	}
	partial, err := resumer.Begin(ctx, blob)
	var exists *ExistsError
	if errors.As(err, &exists) {
		blob.Digest = exists.Blob.Digest
		return alreadyThere(blob, Info{Size: exists.Blob.Size})
	}
	if err != nil {
		return Blob{}, err
	}
	defer partial.Close()
	return (&transfer{partial: partial, blob: blob, watch: w}).run(ctx, sources)
}

// alreadyThere returns blob for a destination that has it, or a *SizeError if the sizes contradict each other.
func alreadyThere(blob Blob, info Info) (Blob, error) {
	if blob.Size >= 0 && info.Size >= 0 && info.Size != blob.Size {
		return Blob{}, &SizeError{Name: blob.String(), Want: blob.Size, Got: info.Size, Source: info.Source}
	}
	blob.Size = info.Size
	return blob, nil
}

func sourcesOf(src Fetcher) []Fetcher {
	if mirrors, ok := src.(Mirrors); ok {
		return mirrors
	}
	return []Fetcher{src}
}

// stream pushes the blob in one go, from the first source that delivers it.
func stream(ctx context.Context, sources []Fetcher, dst Pusher, blob Blob, w *watch) (Blob, error) {
	var problems []error
	for _, source := range sources {
		w.begin(blob.Size)
		content, err := source.Fetch(ctx, blob)
		if err == nil {
			var pushed Blob
			counting := &countingReader{from: content, watch: w}
			pushed, err = dst.Push(ctx, blob, counting)
			content.Close()
			if err == nil {
				return pushed, nil
			}
			if counting.err == nil && !errors.Is(err, ErrDigestMismatch) {
				return Blob{}, err // the destination failed: another source would not help
			}
		}
		if ctx.Err() != nil {
			return Blob{}, Ended(ctx, blob.String(), err)
		}
		problems = append(problems, err)
		w.notice(err)
	}
	return Blob{}, joined(problems, blob)
}

// joined returns one error for those of all sources.
func joined(problems []error, blob Blob) error {
	if len(problems) == 0 {
		return fmt.Errorf("%s: no source: %w", blob, ErrNotFound)
	}
	return errors.Join(problems...)
}

// countingReader reports progress, and remembers whether reading failed.
type countingReader struct {
	from  io.Reader
	watch *watch
	err   error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.watch.add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
