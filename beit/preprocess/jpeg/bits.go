package jpeg

import "encoding/binary"

// bitReader reads the bits between two markers.
type bitReader struct {
	data []byte
	pos  int
	// acc has the next bits, the first one on top; n of them are valid.
	acc uint64
	n   int
	// marker is the one that ends the data, once it was seen. missing means that bits beyond it were asked for, which are 0.
	marker    byte
	missing   bool
	truncated bool
}

// fill makes at least 32 bits valid. Bits after a marker are 0, and not valid.
func (r *bitReader) fill() {
	if r.pos+8 <= len(r.data) && r.marker == 0 {
		v := binary.BigEndian.Uint64(r.data[r.pos:])
		const ones = 0x0101010101010101
		if w := ^v; (w-ones)&^w&(ones<<7) == 0 { // no byte is 0xff
			r.acc |= v >> r.n
			whole := (63 - r.n) >> 3
			r.pos += whole
			r.n += 8 * whole
			return
		}
	}
	r.fillSlowly()
}

func (r *bitReader) fillSlowly() {
	// Bits below the valid ones may have been set from bytes that are read again here.
	r.acc = r.acc >> (64 - r.n) << (64 - r.n)
	for r.n <= 56 && r.marker == 0 {
		if r.pos >= len(r.data) {
			r.truncated = true
			return
		}
		b := r.data[r.pos]
		r.pos++
		if b == 0xff {
			for r.pos < len(r.data) && r.data[r.pos] == 0xff {
				r.pos++
			}
			if r.pos >= len(r.data) {
				r.truncated = true
				return
			}
			m := r.data[r.pos]
			r.pos++
			if m != 0 {
				r.marker = m
				return
			}
		}
		r.acc |= uint64(b) << (56 - r.n)
		r.n += 8
	}
}

// drop takes bits away.
func (r *bitReader) drop(n int) {
	if n > r.n { // beyond the marker
		r.missing = true
		r.acc, r.n = r.acc<<n, 57-n
		return
	}
	r.acc <<= n
	r.n -= n
}

// get returns up to 16 bits.
func (r *bitReader) get(n int) int {
	if n == 0 {
		return 0
	}
	if r.n < n {
		r.fill()
	}
	v := int(r.acc >> (64 - n))
	r.drop(n)
	return v
}

// symbol returns the next symbol.
func (r *bitReader) symbol(h *huffman) byte {
	if r.n < 32 {
		r.fill()
	}
	if entry := h.fast[r.acc>>(64-look)]; entry != 0 {
		r.drop(int(entry >> 8))
		return byte(entry)
	}
	length, symbol := h.slow(uint32(r.acc >> 48))
	r.drop(length)
	return symbol
}

// extend returns the value that n bits stand for.
func extend(v, n int) int {
	if n > 0 && v < 1<<(n-1) {
		return v - 1<<n + 1
	}
	return v
}
