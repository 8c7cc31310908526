package encoding

import (
	"bytes"

	"github.com/klauspost/compress/huff0"

	"github.com/beitzoo/beitzoo/errdef"
)

// blockElements is how many elements each block of a plane but the last has: few enough for the planes of a block and their encoded form to stay in a
// core's cache, enough for the Huffman table to cost nothing.
const blockElements = 1 << 16

// blockHeader is the length in bytes of the header of a block: one byte for its kind, three for the length of its content.
const blockHeader = 4

// Kinds of block.
const (
	blockRaw      = 0 // the bytes themselves
	blockConstant = 1 // one byte, which is to be repeated
	blockHuffman  = 2 // a Huffman table and four streams, as in zstd
)

// worthwhile is the least saving for which a block is Huffman-coded, as an exponent: 1 part in 2^6. Less is not worth the time.
const worthwhile = 6

// blocks encodes and decodes single blocks. It has tables and buffers, so each goroutine needs its own.
type blocks struct {
	encoder, decoder huff0.Scratch
}

// appendBlock appends the encoded form of plane to coded.
func (b *blocks) appendBlock(coded, plane []byte) []byte {
	kind, content := b.compress(plane)
	coded = append(coded, kind, byte(len(content)), byte(len(content)>>8), byte(len(content)>>16))
	return append(coded, content...)
}

// compress chooses the kind of a block and returns its content, which is valid until the next call.
func (b *blocks) compress(plane []byte) (kind byte, content []byte) {
	if isConstant(plane) {
		return blockConstant, plane[:1]
	}
	b.encoder.Reuse, b.encoder.WantLogLess = huff0.ReusePolicyNone, worthwhile
	coded, _, err := huff0.Compress4X(plane, &b.encoder)
	if err != nil || len(coded) >= len(plane) {
		return blockRaw, plane
	}
	return blockHuffman, coded
}

func isConstant(plane []byte) bool {
	return len(plane) > 0 && bytes.Equal(plane[1:], plane[:len(plane)-1])
}

// errBlock says that a block is damaged. The caller adds which one.
var errBlock = errdef.New(errdef.ErrInput, "damaged block")

// takeBlock decodes the block at the start of coded into n bytes and returns what comes after it. The plane is buffer, or, if the
// block is raw, a part of coded.
func (b *blocks) takeBlock(coded, buffer []byte, n int) (plane, rest []byte, err error) {
	if len(coded) < blockHeader {
		return nil, nil, errBlock
	}
	kind, length := coded[0], int(coded[1])|int(coded[2])<<8|int(coded[3])<<16
	coded = coded[blockHeader:]
	if length > len(coded) {
		return nil, nil, errBlock
	}
	content, rest := coded[:length], coded[length:]
	switch {
	case kind == blockRaw && length == n:
		return content, rest, nil
	case kind == blockConstant && length == 1:
		plane = buffer[:n]
		for i := range plane {
			plane[i] = content[0]
		}
		return plane, rest, nil
	case kind == blockHuffman && length < n:
		plane, err = b.huffman(content, buffer[:0:n])
		return plane, rest, err
	}
	return nil, nil, errBlock
}

// huffman fills plane to its capacity. It returns a panic of the library as errBlock.
func (b *blocks) huffman(content, plane []byte) (_ []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errBlock
		}
	}()
	table, streams, err := huff0.ReadTable(content, &b.decoder)
	if err != nil {
		return nil, errBlock
	}
	plane, err = table.Decoder().Decompress4X(plane, streams)
	if err != nil || len(plane) != cap(plane) {
		return nil, errBlock
	}
	return plane, nil
}
