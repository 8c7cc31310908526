package jpeg

import (
	"bytes"
	"slices"
)

// look is how many bits are looked up at once.
const look = 10

// huffman is a table of codes.
type huffman struct {
	// fast has the length and the symbol of each code of up to look bits that some bits begin with: length<<8 | symbol; 0 for longer codes.
	fast [1 << look]uint16
	// whole has what some bits begin with if that is an AC coefficient other than 0, its code and its value together: value<<16 | run of zeros<<8 | number of
	// bits; else 0. It is there for tables of AC coefficients.
	whole *[1 << look]int32
	// limit has for each length what is above all codes of at most that length, with 16 bits, and offset what leads from a code to its symbol.
	limit   [17]uint32
	offset  [17]int32
	symbols []byte
	// definition is what it was made of; nil for the usual ones.
	definition []byte
}

// huffmanTables reads tables of codes.
func (d *decoder) huffmanTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return malformed("a table of codes of %d bytes", len(body))
		}
		class, at := body[0]>>4, body[0]&15
		total := 0
		for _, n := range body[1:17] {
			total += int(n)
		}
		if class > 1 || at > 3 || total > 256 || len(body) < 17+total {
			return malformed("a table of %d codes, class %d, number %d", total, class, at)
		}
		table, err := d.huffman(class, at, body[1:17+total])
		if err != nil {
			return err
		}
		if class == 0 {
			d.dc[at] = table
		} else {
			d.ac[at] = table
		}
		body = body[17+total:]
	}
	return nil
}

// huffman returns the table of a definition: how many codes there are of each length, and their symbols. It is that of a file before if that had the same.
func (d *decoder) huffman(class, at byte, definition []byte) (*huffman, error) {
	known := &d.memory.tables[class][at]
	if *known != nil && bytes.Equal((*known).definition, definition) {
		return *known, nil
	}
	table, err := newHuffman([16]byte(definition), definition[16:])
	if err != nil {
		return nil, err
	}
	if class == 1 {
		table = table.withValues()
	}
	table.definition = slices.Clone(definition)
	*known = table
	return table, nil
}

// newHuffman returns the table with so many codes of each length from 1 to 16.
func newHuffman(counts [16]byte, symbols []byte) (*huffman, error) {
	h := &huffman{symbols: append([]byte(nil), symbols...)}
	code, index := uint32(0), 0
	for length := 1; length <= 16; length++ {
		h.offset[length] = int32(index) - int32(code)
		for range counts[length-1] {
			if code >= 1<<length {
				return nil, malformed("codes that do not fit")
			}
			if length <= look {
				entry := uint16(length)<<8 | uint16(h.symbols[index])
				for i := range 1 << (look - length) {
					h.fast[int(code)<<(look-length)|i] = entry
				}
			}
			code, index = code+1, index+1
		}
		h.limit[length] = code << (16 - length)
		code <<= 1
	}
	return h, nil
}

// withValues sets whole, and returns h.
func (h *huffman) withValues() *huffman {
	h.whole = new([1 << look]int32)
	for bits, entry := range h.fast {
		length, run, size := int(entry>>8), int(entry>>4&15), int(entry&15)
		if entry == 0 || size == 0 || length+size > look {
			continue
		}
		value := extend(bits>>(look-length-size)&(1<<size-1), size)
		h.whole[bits] = int32(value<<16 | run<<8 | (length + size))
	}
	return h
}

// usable reports whether the symbols can be those of DC coefficients.
func (h *huffman) usable() bool {
	for _, s := range h.symbols {
		if s > 15 {
			return false
		}
	}
	return true
}

// slow returns the length and the symbol of the code that the 16 bits begin with. A code that does not exist has 17 bits and the symbol 0, as in
// libjpeg.
func (h *huffman) slow(bits uint32) (int, byte) {
	length := look + 1
	for length <= 16 && bits >= h.limit[length] {
		length++
	}
	if length > 16 {
		return 17, 0
	}
	return length, h.symbols[int32(bits>>(16-length))+h.offset[length]]
}
