package framework

import "encoding/binary"

// IsSafetensors reports whether a file begins as safetensors does: with a length, and the brace that the specification demands. Lengths
// beyond the format's limit count up to a terabyte, so that its reader can say what is wrong. A pickle may have a brace at that place too,
// in a tensor's name, behind bytes that make a larger number.
func IsSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 1<<40
}
