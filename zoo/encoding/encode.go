package encoding

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// Options change how Encode and Decode work. The zero value uses all cores and has no progress.
type Options struct {
	// ChunkSize in bytes, for Encode; 0 is DefaultChunkSize.
	ChunkSize int
	// Workers is the number of chunks that are encoded or decoded at once; 0 is the number of cores. Each needs about three chunks of memory.
	Workers int
	// Progress, which may be nil, is told how many decoded bytes are done, and the total. It may be called from several goroutines at once.
	Progress func(done, total int64)
	// SkipDigests makes Decode skip the digests of decoded chunks, for callers who check the digest of the whole file anyway.
	SkipDigests bool
}

func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Encode encodes the bytes of src, which regions describe from the first to the last, and writes the encoded file to dst. The same bytes, regions and
// chunk size make the same file. Regions that are not valid are ErrRegions. After an error the content of dst is undefined.
func Encode(ctx context.Context, dst io.WriterAt, src io.ReaderAt, regions []Region, options Options) (*ChunkTable, error) {
	if options.ChunkSize == 0 {
		options.ChunkSize = DefaultChunkSize
	}
	if len(regions) > maxRegions {
		return nil, fmt.Errorf("%w: %d, at most %d are allowed", ErrRegions, len(regions), maxRegions)
	}
	table, err := plan(regions, options.ChunkSize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRegions, err)
	}
	table.layOut()
	job := &encodeJob{table: table, dst: dst, src: src}
	if err := job.run(ctx, options); err != nil {
		return nil, err
	}
	_, err = dst.WriteAt(table.marshal(), 0)
	return table, err
}

// encodeJob is one call of Encode.
type encodeJob struct {
	table *ChunkTable
	dst   io.WriterAt
	src   io.ReaderAt
}

// run encodes all chunks. The offset of a chunk depends on the sizes of those before it, so each chunk sends the
// offset of the next one through a channel.
func (j *encodeJob) run(ctx context.Context, options Options) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(options.workers())
	var done atomic.Int64
	total := j.table.DecodedSize()
	turn := make(chan int64, 1)
	turn <- j.table.Head.Size
	for i := range j.table.Chunks {
		mine, next := turn, make(chan int64, 1)
		turn = next
		if inner.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := j.chunk(inner, i, mine, next); err != nil {
				return fmt.Errorf("chunk %d: %w", i, err)
			}
			if options.Progress != nil {
				options.Progress(done.Add(j.table.Chunks[i].Decoded.Size), total)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// chunk encodes chunk i, waits for its offset from mine, sends that of the next chunk to next, and writes the bytes.
func (j *encodeJob) chunk(ctx context.Context, i int, mine <-chan int64, next chan<- int64) error {
	coder := coders.Get().(*coder)
	defer coders.Put(coder)
	c := &j.table.Chunks[i]
	raw := coder.scratch(int(c.Decoded.Size))
	if n, err := j.src.ReadAt(raw, c.Decoded.Offset); n < len(raw) {
		return fmt.Errorf("reading %d bytes at %d: %w", len(raw), c.Decoded.Offset, err)
	}
	coded, method := coder.encode(raw, c.form)
	c.method = method
	c.Decoded.Digest, c.Coded.Digest = digest.FromBytes(raw), digest.FromBytes(coded)
	select {
	case c.Coded.Offset = <-mine:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.Coded.Size = int64(len(coded))
	next <- c.Coded.Offset + c.Coded.Size
	_, err := j.dst.WriteAt(coded, c.Coded.Offset)
	return err
}
