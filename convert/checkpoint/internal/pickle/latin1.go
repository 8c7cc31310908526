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

// check tells whether the whole text was read and gave as many bytes as it must.
func (d Latin1) check(written int64, read int, ok bool) error {
	switch {
	case !ok:
		return malformed("bytes in the form of text hold a character beyond latin1, or invalid UTF-8, after %d bytes", read)
	case written != d.Size || read != len(d.Text):
		return checkpoint.Errorf(checkpoint.ErrMalformed, "bytes in the form of text do not decode to %d bytes", d.Size)
	}
	return nil
}

// decodeLatin1 fills out from text until either ends, and tells how much of each it used and whether the text was well-formed so far.
func decodeLatin1(out, text []byte) (written, read int, ok bool) {
	for written < len(out) && read < len(text) {
		c := text[read]
		if c < 0x80 {
			out[written] = c
			written++
			read++
			continue
		}
		if c&^1 != 0xc2 || read+1 >= len(text) || text[read+1]&0xc0 != 0x80 {
			return written, read, false
		}
		out[written] = c<<6 | text[read+1]&0x3f
		written++
		read += 2
	}
	return written, read, true
}
