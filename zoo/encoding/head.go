package encoding

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"

	"github.com/opencontainers/go-digest"
)

// The head of an encoded file. All numbers are little-endian; docs/encoding.md has the tables.
const (
	magic       = "\x89BZW\r\n\x1a\n"
	version     = 1
	fixedSize   = 32
	regionSize  = 16
	chunkEntry  = 72
	maxRegions  = 1 << 16
	digestBytes = 32
)

func headSize(regions, chunks int64) int64 {
	return fixedSize + regionSize*regions + chunkEntry*chunks + digestBytes
}

// marshal returns the bytes of the head, and sets the digest of Head.
func (x *ChunkTable) marshal() []byte {
	head := make([]byte, 0, x.Head.Size)
	head = append(head, magic...)
	head = binary.LittleEndian.AppendUint32(head, version)
	head = binary.LittleEndian.AppendUint32(head, uint32(x.ChunkSize))
	head = binary.LittleEndian.AppendUint64(head, uint64(x.DecodedSize()))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(x.Regions)))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(x.Chunks)))
	for _, r := range x.Regions {
		head = binary.LittleEndian.AppendUint64(head, uint64(r.Size))
		head = append(head, byte(r.Width), byte(r.Rotation), 0, 0, 0, 0, 0, 0)
	}
	for _, c := range x.Chunks {
		head = binary.LittleEndian.AppendUint32(head, uint32(c.Coded.Size))
		head = append(head, c.method, 0, 0, 0)
		head = appendDigest(head, c.Coded.Digest)
		head = appendDigest(head, c.Decoded.Digest)
	}
	sum := sha256.Sum256(head)
	head = append(head, sum[:]...)
	x.Head.Digest = digest.FromBytes(head)
	return head
}

// readTable reads the head of an encoded file of size bytes. It allocates no more bytes than the file has.
func readTable(src io.ReaderAt, size int64) (*ChunkTable, error) {
	fixed := make([]byte, fixedSize)
	if err := readFull(src, fixed, 0, size); err != nil {
		return nil, err
	}
	if string(fixed[:len(magic)]) != magic {
		return nil, malformed("the file does not begin with the format's mark")
	}
	if v := binary.LittleEndian.Uint32(fixed[8:]); v != version {
		return nil, malformed("version %d, this program reads %d", v, version)
	}
	regions, chunks := binary.LittleEndian.Uint32(fixed[24:]), binary.LittleEndian.Uint32(fixed[28:])
	if regions > maxRegions {
		return nil, malformed("%d regions, at most %d are allowed", regions, maxRegions)
	}
	length := headSize(int64(regions), int64(chunks))
	if length > size {
		return nil, malformed("a head of %d bytes in a file of %d bytes", length, size)
	}
	head := make([]byte, length)
	if err := readFull(src, head, 0, size); err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(head[:length-digestBytes]); !bytes.Equal(sum[:], head[length-digestBytes:]) {
		return nil, malformed("the head is damaged: its digest does not match")
	}
	return parse(head, int(regions), int(chunks), size)
}

// parse reads the chunk table from a whole head.
func parse(head []byte, regions, chunks int, size int64) (*ChunkTable, error) {
	forms := make([]Region, regions)
	rest := head[fixedSize:]
	for i := range forms {
		forms[i] = Region{Size: int64(binary.LittleEndian.Uint64(rest)), Width: int(rest[8]), Rotation: int(rest[9])}
		if !isZero(rest[10:regionSize]) {
			return nil, malformed("region %d: reserved bytes are in use", i)
		}
		rest = rest[regionSize:]
	}
	table, err := plan(forms, int(binary.LittleEndian.Uint32(head[12:])))
	if err != nil {
		return nil, malformed("%v", err)
	}
	if table.Head.Size != int64(len(head)) {
		return nil, malformed("%d chunks do not match the regions", chunks)
	}
	if decoded := int64(binary.LittleEndian.Uint64(head[16:])); decoded != table.DecodedSize() {
		return nil, malformed("the regions have %d bytes together, the file should have %d", table.DecodedSize(), decoded)
	}
	table.layOut()
	table.Head.Digest = digest.FromBytes(head)
	return table, table.parseChunks(rest, size)
}

// parseChunks reads size, method and digests of the chunks that layOut made.
func (x *ChunkTable) parseChunks(entries []byte, size int64) error {
	at := x.Head.Size
	for i := range x.Chunks {
		c := &x.Chunks[i]
		entry := entries[i*chunkEntry:][:chunkEntry]
		c.Coded.Offset, c.Coded.Size = at, int64(binary.LittleEndian.Uint32(entry))
		c.method = entry[4]
		c.Coded.Digest = digest.NewDigestFromBytes(digest.SHA256, entry[8:8+digestBytes])
		c.Decoded.Digest = digest.NewDigestFromBytes(digest.SHA256, entry[8+digestBytes:])
		stored := c.method == methodStored && c.Coded.Size == c.Decoded.Size
		planes := c.method == methodPlanes && c.Coded.Size < c.Decoded.Size
		if !isZero(entry[5:8]) || !stored && !planes || c.Coded.Size > size-at {
			return malformed("chunk %d of %d bytes: method %d, %d coded bytes, %d left in the file", i, c.Decoded.Size, c.method, c.Coded.Size, size-at)
		}
		at += c.Coded.Size
	}
	if at != size {
		return malformed("%d bytes after the last chunk", size-at)
	}
	return nil
}

func isZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// readFull fills b from offset of a file of size bytes.
func readFull(src io.ReaderAt, b []byte, offset, size int64) error {
	if int64(len(b)) > size-offset {
		return malformed("the file ends after %d bytes", size)
	}
	n, err := src.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		return malformed("the file ends after %d bytes, not %d", offset+int64(n), size)
	}
	return err
}

// appendDigest appends the 32 bytes of a digest that this package computed.
func appendDigest(b []byte, d digest.Digest) []byte {
	b, _ = hex.AppendDecode(b, []byte(d.Encoded()))
	return b
}
