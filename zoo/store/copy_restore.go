package store

import (
	"context"
	"io"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// prepare lists the chunks, and keeps those that an earlier copy or an earlier source left if they are of the same content.
func (t *transfer) prepare(ctx context.Context, blob Blob, info Info) error {
	version, records := t.partial.Recorded()
	if t.chunks == nil {
		t.version = version
	}
	identity := t.identity(info)
	if fresh := t.chunks == nil || len(t.chunks) != len(layOut(blob)); fresh {
		t.chunks = layOut(blob)
		t.watch.begin(blob.Size)
		if err := t.partial.Reserve(blob.Size); err != nil {
			return final(err)
		}
		if identity != "" && t.version == identity {
			return t.restore(ctx, records)
		}
	} else if identity != "" && t.version == identity {
		return nil
	}
	return t.reset(identity)
}

// layOut returns the chunks of a blob, none if its size is unknown.
func layOut(blob Blob) []chunkState {
	var chunks []chunkState
	at := int64(0)
	for _, c := range blob.Chunks {
		chunks = append(chunks, chunkState{span: Span{at, c.Size}, want: c.Digest})
		at += c.Size
	}
	for blob.Chunks == nil && at < blob.Size {
		size := min(DefaultChunkSize, blob.Size-at)
		chunks = append(chunks, chunkState{span: Span{at, size}})
		at += size
	}
	return chunks
}

// restore checks, on all cores, which of the recorded bytes are really there.
func (t *transfer) restore(ctx context.Context, records []Record) error {
	latest := make(map[int64]Record, len(t.chunks))
	for _, r := range records {
		latest[r.Span.Offset] = r
	}
	return parallel.Each(ctx, len(t.chunks), func(_ context.Context, i int) error {
		r, ok := latest[t.chunks[i].span.Offset]
		if !ok || r.Span.Size <= 0 || r.Span.Size > t.chunks[i].span.Size {
			return nil
		}
		return t.restoreChunk(&t.chunks[i], r)
	})
}

// restoreChunk keeps the bytes that r records if they still have that checksum. Bytes that cannot be read count as lost.
func (t *transfer) restoreChunk(c *chunkState, r Record) error {
	h := c.checksum()
	if _, err := io.Copy(h, io.NewSectionReader(t.partial, r.Span.Offset, r.Span.Size)); err != nil || h.word() != r.Sum {
		return nil
	}
	if r.Span.Size < c.span.Size {
		c.have = r.Span.Size
		t.watch.add(c.have)
		return nil
	}
	if c.want != "" && string(c.want) != r.Sum {
		return nil
	}
	c.have = c.span.Size
	t.watch.add(c.have)
	return t.complete(c, r.Sum)
}

// complete records a chunk whose bytes all arrived and are right.
func (t *transfer) complete(c *chunkState, sum string) error {
	c.complete = true
	return final(t.partial.Record(Record{Span: c.span, Sum: sum, Final: true}))
}
