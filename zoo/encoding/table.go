package encoding

import (
	"fmt"
	"math"

	"github.com/opencontainers/go-digest"
)

// Sizes of chunks, in bytes: the limits, and the default of Options.ChunkSize.
const (
	MinChunkSize     = 1 << 12
	MaxChunkSize     = 1 << 24
	DefaultChunkSize = 4 << 20
)

// Piece is a range of bytes of a file, with their digest.
type Piece struct {
	// Offset and Size are in bytes.
	Offset, Size int64
	Digest       digest.Digest
}

// Chunk is a part of the file that is encoded by itself.
type Chunk struct {
	// Decoded and Coded are its ranges in the decoded and in the encoded file.
	Decoded, Coded Piece
	// form has width and rotation of its region; its Size is not used.
	form   Region
	method byte
}

// ChunkTable is the table of contents of an encoded file.
type ChunkTable struct {
	// ChunkSize is the decoded size in bytes of every chunk of a region but the last.
	ChunkSize int
	Regions   []Region
	Chunks    []Chunk
	// Head is the part of the encoded file before the first chunk: this table. Head and the coded pieces of Chunks make up the file.
	Head Piece
}

// DecodedSize returns the number of bytes of the file that was encoded.
func (x *ChunkTable) DecodedSize() int64 {
	var size int64
	for _, r := range x.Regions {
		size += r.Size
	}
	return size
}

// CodedSize returns the number of bytes of the encoded file.
func (x *ChunkTable) CodedSize() int64 {
	if n := len(x.Chunks); n > 0 {
		return x.Chunks[n-1].Coded.Offset + x.Chunks[n-1].Coded.Size
	}
	return x.Head.Size
}

// plan returns the table of a file, without its chunks: each region is cut into chunks of chunkSize bytes and a shorter rest, and plan counts them.
func plan(regions []Region, chunkSize int) (*ChunkTable, error) {
	if chunkSize < MinChunkSize || chunkSize > MaxChunkSize || chunkSize%8 != 0 {
		return nil, fmt.Errorf("chunks of %d bytes: need %d to %d, a multiple of 8", chunkSize, MinChunkSize, MaxChunkSize)
	}
	var total, count int64
	for i, r := range regions {
		if err := r.validate(); err != nil {
			return nil, fmt.Errorf("region %d: %w", i, err)
		}
		if total > math.MaxInt64/2-r.Size {
			return nil, fmt.Errorf("region %d: more bytes than a file can have", i)
		}
		total += r.Size
		count += (r.Size + int64(chunkSize) - 1) / int64(chunkSize)
	}
	if count > math.MaxUint32 {
		return nil, fmt.Errorf("%d chunks: make them larger", count)
	}
	table := &ChunkTable{ChunkSize: chunkSize, Regions: regions}
	table.Head.Size = headSize(int64(len(regions)), count)
	return table, nil
}

// layOut adds the chunks that plan counted.
func (x *ChunkTable) layOut() {
	at := int64(0)
	for _, r := range x.Regions {
		for left := r.Size; left > 0; {
			size := min(left, int64(x.ChunkSize))
			x.Chunks = append(x.Chunks, Chunk{Decoded: Piece{Offset: at, Size: size}, form: r})
			at += size
			left -= size
		}
	}
}
