package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/errdef"
)

// stretchSize is the most bytes that one range request asks for. Long stretches cost few requests; short ones keep the streams close to each
// other, so that the digest of the whole, which can only be computed in order, is nearly done when the last byte arrives.
const stretchSize = 32 << 20

// maxStep is how many bytes are read, hashed, written and recorded at a time. On a slow line it is less: what arrives within recordEvery.
const (
	maxStep     = 256 << 10
	recordEvery = 100 * time.Millisecond
)

// fetch fetches from one source everything that is missing.
func (t *transfer) fetch(ctx context.Context, source Fetcher, blob Blob, info Info) error {
	if blob.Size < 0 {
		return t.fetchUnsized(ctx, source, blob, info)
	}
	stretches := t.stretches()
	if len(stretches) == 0 {
		return nil
	}
	if ranged, ok := source.(RangeFetcher); ok && info.Ranges && t.version != "" {
		err := t.fetchRanges(ctx, ranged, blob, info, stretches)
		if !errors.Is(err, ErrNoRanges) {
			return err
		}
		t.watch.notice(err)
	}
	return t.fetchWhole(ctx, source, blob, info)
}

// stretches groups the missing chunks into consecutive runs of at most stretchSize bytes.
func (t *transfer) stretches() [][]*chunkState {
	var stretches [][]*chunkState
	var run []*chunkState
	size := int64(0)
	for i := range t.chunks {
		c := &t.chunks[i]
		if len(run) > 0 && (c.complete || c.have > 0 || size+c.span.Size > stretchSize) {
			stretches, run, size = append(stretches, run), nil, 0
		}
		if !c.complete {
			run, size = append(run, c), size+c.span.Size
		}
	}
	if len(run) > 0 {
		stretches = append(stretches, run)
	}
	return stretches
}

// step returns how many bytes to read at a time: few enough that all streams together never have a chunk of bytes that are read but not recorded.
func (t *transfer) step() int64 {
	chunk := int64(DefaultChunkSize)
	if len(t.chunks) > 0 {
		chunk = t.chunks[0].span.Size
	}
	return max(1<<12, min(maxStep, chunk/int64(2*t.watch.options.streams())))
}

// fetchRanges fetches several stretches at once.
func (t *transfer) fetchRanges(ctx context.Context, source RangeFetcher, blob Blob, info Info, stretches [][]*chunkState) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(t.watch.options.streams())
	for _, stretch := range stretches {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return t.fetchStretch(ctx, source, blob, info, stretch) })
	}
	return group.Wait()
}

func (t *transfer) fetchStretch(ctx context.Context, source RangeFetcher, blob Blob, info Info, stretch []*chunkState) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	start := stretch[0].span.Offset + stretch[0].have
	end := stretch[len(stretch)-1].span.End()
	body, err := source.FetchRange(ctx, blob, info.Version, Span{start, end - start})
	if err != nil {
		return err
	}
	defer body.Close()
	return t.readChunks(body, info.Source, stretch)
}

// fetchWhole fetches the blob from its first byte and skips the chunks that are complete. If the chunks have no digests, nothing proves that they are
// of the same content, so it starts afresh.
func (t *transfer) fetchWhole(ctx context.Context, source Fetcher, blob Blob, info Info) error {
	if t.blob.Chunks == nil {
		if err := t.reset(t.version); err != nil {
			return err
		}
	}
	body, err := source.Fetch(ctx, blob)
	if err != nil {
		return err
	}
	defer body.Close()
	for i := range t.chunks {
		c := &t.chunks[i]
		if c.complete {
			if _, err := io.CopyN(io.Discard, body, c.span.Size); err != nil {
				return cutError(err, blob, info.Source, c.span.Offset)
			}
			continue
		}
		t.discard(c)
		if err := t.readChunks(body, info.Source, []*chunkState{c}); err != nil {
			return err
		}
	}
	return nil // bytes after the last chunk are ignored
}

// discard forgets what arrived of a chunk.
func (t *transfer) discard(c *chunkState) {
	t.watch.add(-c.have)
	c.have = 0
}

// readChunks reads chunks that follow one another in body, the first from its first missing byte.
func (t *transfer) readChunks(body io.Reader, source string, chunks []*chunkState) error {
	buffer := make([]byte, t.step())
	for _, c := range chunks {
		sum, err := t.readChunk(body, source, c, buffer)
		if err != nil {
			return err
		}
		if err := t.judge(c, sum, source); err != nil {
			return err
		}
	}
	return nil
}

// readChunk reads the rest of one chunk and returns the checksum of the whole chunk. What arrived before an error stays recorded.
func (t *transfer) readChunk(body io.Reader, source string, c *chunkState, buffer []byte) (sum string, err error) {
	h := c.checksum()
	if c.have > 0 {
		if _, err := io.Copy(h, io.NewSectionReader(t.partial, c.span.Offset, c.have)); err != nil {
			return "", final(err)
		}
	}
	for c.have < c.span.Size {
		n, err := fill(body, buffer[:min(int64(len(buffer)), c.span.Size-c.have)])
		if n > 0 {
			h.Write(buffer[:n])
			if err := t.write(c, buffer[:n], h.word()); err != nil {
				return "", final(err)
			}
		}
		if err != nil {
			return "", cutError(err, t.blob, source, c.span.Offset+c.have)
		}
	}
	return h.word(), nil
}

// write adds bytes to a chunk. sum is the checksum of the chunk so far.
func (t *transfer) write(c *chunkState, p []byte, sum string) error {
	if _, err := t.partial.WriteAt(p, c.span.Offset+c.have); err != nil {
		return err
	}
	c.have += int64(len(p))
	t.watch.add(int64(len(p)))
	if c.have == c.span.Size {
		return nil // complete will record it, if it is right
	}
	return t.partial.Record(Record{Span: Span{c.span.Offset, c.have}, Sum: sum})
}

// judge compares a whole chunk, whose checksum is got, with its digest, if that is known.
func (t *transfer) judge(c *chunkState, got, source string) error {
	if c.want == "" || string(c.want) == got {
		return t.complete(c, got)
	}
	t.discard(c)
	if err := t.partial.Record(Record{Span: Span{Offset: c.span.Offset}}); err != nil {
		return final(err)
	}
	index := 0
	for index < len(t.chunks) && t.chunks[index].span.Offset != c.span.Offset {
		index++
	}
	return &DigestError{Name: t.blob.String(), Want: c.want, Got: digest.Digest(got), Span: c.span, Chunk: index, Source: source}
}

// fetchUnsized fetches a blob of unknown size in one request.
func (t *transfer) fetchUnsized(ctx context.Context, source Fetcher, blob Blob, info Info) error {
	t.chunks = nil
	if err := t.reset(""); err != nil {
		return err
	}
	body, err := source.Fetch(ctx, blob)
	if err != nil {
		return err
	}
	defer body.Close()
	limit := t.watch.options.maxSize()
	limited := io.LimitReader(body, limit+1)
	buffer := make([]byte, t.step())
	for at := int64(0); ; {
		c := chunkState{span: Span{at, DefaultChunkSize}}
		sum, err := t.readChunk(limited, info.Source, &c, buffer)
		ended := errors.Is(err, errEnded)
		if err != nil && !ended {
			return err
		}
		if at += c.have; at > limit {
			return &SizeError{Name: blob.String(), Want: limit, Got: at, Source: info.Source}
		}
		if ended {
			return t.settleLast(c)
		}
		t.chunks = append(t.chunks, c)
		if err := t.complete(&t.chunks[len(t.chunks)-1], sum); err != nil {
			return err
		}
	}
}

// settleLast completes the chunk in which a blob of unknown size ended, unless it is empty.
func (t *transfer) settleLast(c chunkState) error {
	if c.have == 0 {
		return nil
	}
	c.span.Size = c.have
	h := c.checksum()
	if _, err := io.Copy(h, io.NewSectionReader(t.partial, c.span.Offset, c.have)); err != nil {
		return final(err)
	}
	t.chunks = append(t.chunks, c)
	return t.complete(&t.chunks[len(t.chunks)-1], h.word())
}

// errEnded says that a body ended in the middle of a chunk.
var errEnded = errdef.New(errdef.ErrNetwork, "the answer ended early")

// fill reads until p is full, or until recordEvery has passed and something arrived. It returns the error of body itself.
func fill(body io.Reader, p []byte) (n int, err error) {
	start := time.Now()
	for n < len(p) && err == nil && (n == 0 || time.Since(start) < recordEvery) {
		var more int
		more, err = body.Read(p[n:])
		n += more
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

// cutError returns the error for a body that ended in the middle of a chunk, after at bytes of the blob. It returns errors other than io.EOF
// unchanged.
func cutError(err error, blob Blob, source string, at int64) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	if source == "" {
		source = "the source"
	}
	return &SourceError{Source: source, Kind: ErrUnreachable, Temporary: true, Err: fmt.Errorf("%s: %w after %d bytes", blob, errEnded, at)}
}
