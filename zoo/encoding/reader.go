package encoding

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// Reader reads an encoded file. All its methods may be called from several goroutines.
type Reader struct {
	table *ChunkTable
	src   io.ReaderAt

	mu     sync.Mutex
	cached int // the chunk that ReadAt decoded last, or -1
	plain  []byte
}

// Open reads and validates the chunk table of the encoded file src of size bytes. src must stay open and unchanged while the Reader is in use. A file
// that is not an encoded one is ErrMalformed.
func Open(src io.ReaderAt, size int64) (*Reader, error) {
	table, err := readTable(src, size)
	if err != nil {
		return nil, err
	}
	return &Reader{table: table, src: src, cached: -1}, nil
}

// OpenBytes opens an encoded file that is in memory or is mapped. The bytes must not change while the Reader is in use.
func OpenBytes(coded []byte) (*Reader, error) { return Open(memory(coded), int64(len(coded))) }

// memory is a source whose bytes are not copied.
type memory []byte

func (m memory) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(p, m[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Table returns the table of contents. It must not be changed.
func (r *Reader) Table() *ChunkTable { return r.table }

// Decode writes the whole decoded file to dst, chunk by chunk in no particular order, from several goroutines. A wrong chunk is a *DigestError or
// ErrMalformed. After an error the content of dst is undefined.
func (r *Reader) Decode(ctx context.Context, dst io.WriterAt, options Options) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(options.workers())
	var done atomic.Int64
	for i := range r.table.Chunks {
		if inner.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := r.decodeTo(dst, i, !options.SkipDigests); err != nil {
				return err
			}
			if options.Progress != nil {
				options.Progress(done.Add(r.table.Chunks[i].Decoded.Size), r.table.DecodedSize())
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func (r *Reader) decodeTo(dst io.WriterAt, i int, check bool) error {
	coder := coders.Get().(*coder)
	defer coders.Put(coder)
	raw := coder.scratch(int(r.table.Chunks[i].Decoded.Size))
	if err := r.decode(coder, i, raw, check); err != nil {
		return err
	}
	_, err := dst.WriteAt(raw, r.table.Chunks[i].Decoded.Offset)
	return err
}

// DecodeChunk decodes chunk i into raw, whose length must be the decoded size of the chunk, and checks its digest.
func (r *Reader) DecodeChunk(i int, raw []byte) error {
	if int64(len(raw)) != r.table.Chunks[i].Decoded.Size {
		return fmt.Errorf("room for %d bytes, chunk %d has %d", len(raw), i, r.table.Chunks[i].Decoded.Size)
	}
	coder := coders.Get().(*coder)
	defer coders.Put(coder)
	return r.decode(coder, i, raw, true)
}

// decode decodes chunk i into raw. If decoding fails, the digest of the encoded bytes shows whether they are damaged.
func (r *Reader) decode(coder *coder, i int, raw []byte, check bool) error {
	c := &r.table.Chunks[i]
	coded, err := r.read(coder, c.Coded)
	if err != nil {
		return err
	}
	err = coder.decode(raw, coded, c.method, c.form)
	if err == nil && check {
		err = compare(i, false, c.Decoded.Digest, digest.FromBytes(raw))
	}
	if err == nil {
		return nil
	}
	if damage := compare(i, true, c.Coded.Digest, digest.FromBytes(coded)); damage != nil {
		return damage
	}
	if errors.Is(err, errBlock) {
		return malformed("chunk %d: %v", i, err)
	}
	return err
}

// read returns the encoded bytes of a piece: a part of memory, or a copy in the coder's buffer.
func (r *Reader) read(coder *coder, piece Piece) ([]byte, error) {
	if m, ok := r.src.(memory); ok {
		return m[piece.Offset : piece.Offset+piece.Size], nil
	}
	if int64(cap(coder.coded)) < piece.Size {
		coder.coded = make([]byte, piece.Size)
	}
	coded := coder.coded[:piece.Size]
	return coded, readFull(r.src, coded, piece.Offset, r.table.CodedSize())
}

func compare(chunk int, coded bool, want, got digest.Digest) error {
	if want == got {
		return nil
	}
	return &DigestError{Chunk: chunk, Coded: coded, Want: want, Got: got}
}

// ReadAt implements io.ReaderAt for the decoded bytes, which are checked. It keeps the chunk that it decoded last, so reading in order decodes every
// chunk once.
func (r *Reader) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("negative offset")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	chunks := r.table.Chunks
	i := sort.Search(len(chunks), func(i int) bool { return chunks[i].Decoded.Offset+chunks[i].Decoded.Size > offset })
	read := 0
	for ; read < len(p); i++ {
		if i >= len(chunks) {
			return read, io.EOF
		}
		if err := r.load(i); err != nil {
			return read, err
		}
		read += copy(p[read:], r.plain[offset+int64(read)-chunks[i].Decoded.Offset:])
	}
	return read, nil
}

// load decodes chunk i into r.plain, unless it is there already.
func (r *Reader) load(i int) error {
	if r.cached == i {
		return nil
	}
	r.cached = -1
	size := r.table.Chunks[i].Decoded.Size
	if int64(cap(r.plain)) < size {
		r.plain = make([]byte, size)
	}
	r.plain = r.plain[:size]
	if err := r.DecodeChunk(i, r.plain); err != nil {
		return err
	}
	r.cached = i
	return nil
}

var _ io.ReaderAt = (*Reader)(nil)
