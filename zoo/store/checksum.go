package store

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/crc32"
)

// checksum is recorded for bytes that were written. For a chunk that has a digest it is SHA-256, which is computed anyway. For another it is
// CRC-32C at a tenth of the cost: it only has to show what a power cut took, and the digest of the whole blob is checked at the end.
type checksum struct {
	hash.Hash
	digest bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum starts the checksum of a chunk.
func (c *chunkState) checksum() checksum {
	if c.want != "" {
		return checksum{sha256.New(), true}
	}
	return checksum{crc32.New(castagnoli), false}
}

// word returns the Sum for a Record.
func (c checksum) word() string {
	if c.digest {
		return string(sumOf(c.Hash))
	}
	return fmt.Sprintf("crc32c:%x", c.Sum(nil))
}
