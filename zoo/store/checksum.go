package store

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/crc32"
)

// checksum is what is remembered of bytes that were written. Of a chunk that has a digest it is that digest, which is computed anyway. Of another
// it is CRC-32C, at a tenth of the cost: there it only has to tell what a power cut took, and the whole is judged by its own digest in the end.
type checksum struct {
	hash.Hash
	digest bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum begins that of a chunk.
func (c *chunkState) checksum() checksum {
	if c.want != "" {
		return checksum{sha256.New(), true}
	}
	return checksum{crc32.New(castagnoli), false}
}

// word is the Sum for a Record.
func (c checksum) word() string {
	if c.digest {
		return string(sumOf(c.Hash))
	}
	return fmt.Sprintf("crc32c:%x", c.Sum(nil))
}
