package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Inventory identifies the images of a list with their places and right classes, in whatever order they are added: so records of parts, or of an evaluation
// that was interrupted, are found to be those of the list. The zero value is that of no images.
//
// It is the sum of a digest of each image, modulo 2^256, which notices damage and mistakes; it is no protection against forgery.
type Inventory struct{ sum [4]uint64 } // the lowest digits first

// Add adds an image: its place in the list, its name in a form that is UTF-8, the index of the right logit, and those of all right ones by labels that were collected again.
func (v *Inventory) Add(index int, name string, class int, real []int) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %d %d\n", index, name, class, real))
	var other Inventory
	for i := range other.sum {
		other.sum[i] = binary.BigEndian.Uint64(sum[8*(3-i):])
	}
	v.Join(other)
}

// Join adds the images of another inventory.
func (v *Inventory) Join(other Inventory) {
	var carry uint64
	for i := range v.sum {
		v.sum[i], carry = bits.Add64(v.sum[i], other.sum[i], carry)
	}
}

// Digest returns "sha256:" and 64 hexadecimal digits.
func (v *Inventory) Digest() string {
	var raw []byte
	for i := range v.sum {
		raw = binary.BigEndian.AppendUint64(raw, v.sum[3-i])
	}
	return digestOf(raw)
}
