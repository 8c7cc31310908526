package pickle

import (
	"io"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// Latin1 is tensor.Data that protocol 2 holds as text: each byte is one character, so that bytes from 0x80 take two bytes of UTF-8. Each read
// decodes again, in pieces; concurrent reads are safe.
type Latin1 struct {
	// Text is the UTF-8; Size is the number of bytes that it must decode to.
	Text []byte
	Size int64
}

// latin1Piece is how many decoded bytes WriteTo hands on at a time.
const latin1Piece = 256 << 10

// Bytes decodes everything into fresh memory.
func (d Latin1) Bytes() ([]byte, error) {
	out := make([]byte, d.Size)
	written, read, ok := decodeLatin1(out, d.Text)
	if err := d.check(int64(written), read, ok); err != nil {
		return nil, err
	}
	return out, nil
}

// WriteTo decodes piece by piece.
func (d Latin1) WriteTo(w io.Writer) (int64, error) {
	piece := make([]byte, min(d.Size, latin1Piece))
	var total int64
	var position int
	for total < d.Size {
		room := piece[:min(int64(len(piece)), d.Size-total)]
		written, read, ok := decodeLatin1(room, d.Text[position:])
		position += read
		if !ok || written < len(room) {
			return total, d.check(total+int64(written), position, ok)
		}
		n, err := w.Write(room)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, d.check(total, position, true)
}

// check returns an error unless the whole text was read and decoded to Size bytes.
func (d Latin1) check(written int64, read int, ok bool) error {
	switch {
	case !ok:
		return checkpoint.Malformed("bytes in the form of text hold a character beyond latin1, or invalid UTF-8, after %d bytes", read)
	case written != d.Size || read != len(d.Text):
		return checkpoint.Malformed("bytes in the form of text do not decode to %d bytes", d.Size)
	}
	return nil
}

// latin1Table says, for each byte of UTF-8, what it adds to the output: bits 0 to 7 the low bits of a byte, bits 8 to 15 the high bits for
// the byte that follows, and the flags below.
var latin1Table = func() (table [256]uint32) {
	for b := range table {
		switch {
		case b < 0x80:
			table[b] = uint32(b)
		case b < 0xc0:
			table[b] = uint32(b)&0x3f | latin1Trail
		case b == 0xc2 || b == 0xc3:
			table[b] = uint32(b)<<6&0xc0<<8 | latin1Lead
		default:
			table[b] = latin1Bad
		}
	}
	return table
}()

const (
	latin1Lead  = 1 << 16
	latin1Trail = 1 << 17
	latin1Bad   = 1 << 18
)

// decodeLatin1 fills out from text until either ends. It returns how many bytes of each it used, and whether they were well-formed. It has no
// branches that depend on the text, because weights are random: half of the bytes take two.
func decodeLatin1(out, text []byte) (written, read int, ok bool) {
	var before, bad uint32
	for read < len(text) && written < len(out) {
		entry := latin1Table[text[read]]
		out[written] = byte(entry | before>>8)
		bad |= entry ^ before<<1&latin1Trail // a trail byte must follow a lead byte, and nothing else may
		written += int(^entry >> 16 & 1)
		before = entry
		read++
	}
	return written, read, bad&(latin1Bad|latin1Trail) == 0
}
