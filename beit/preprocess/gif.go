package preprocess

import (
	"bytes"
	"image"
	"image/gif"
	"io"
)

func gifConfig(r io.Reader) (image.Config, error) { return gif.DecodeConfig(r) }

// decodeGIF returns the first frame on the file's canvas. Transparency is ignored, so the colour of the transparent
// index is needed; the library's palette does not keep it, so scanGIF reads the palette again. The canvas around
// a smaller frame has the colour of the transparent index, or of index 0 if there is none.
func decodeGIF(data []byte) (*RGB8, error) {
	canvas, err := gifConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	img, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	frame := img.(*image.Paletted)
	head := scanGIF(data)
	dst := NewRGB8(canvas.Width, canvas.Height)
	for i := 0; i < len(dst.Pix); i += 3 {
		copy(dst.Pix[i:i+3], head.colours[head.background][:])
	}
	for y := range frame.Rect.Dy() {
		to := dst.row(frame.Rect.Min.Y + y)[3*frame.Rect.Min.X:]
		for x, index := range frame.Pix[y*frame.Stride:][:frame.Rect.Dx()] {
			copy(to[3*x:3*x+3], head.colours[index][:])
		}
	}
	return dst, nil
}

// gifHead is what a GIF file says before the pixels of its first frame.
type gifHead struct {
	colours    [256][3]uint8
	background uint8 // index of what surrounds the frame
}

// The parts of a GIF file (GIF89a specification, section 12 and following).
const (
	gifScreen         = 13 // bytes of signature and logical screen descriptor; the colour table follows
	gifDescriptor     = 10 // bytes of an image descriptor, introducer included
	gifExtension      = 0x21
	gifGraphicControl = 0xf9
	gifFrame          = 0x2c
)

// scanGIF reads the first frame's palette and transparent index. The file has been decoded already, so it is well formed up to the
// first frame. If it is not, an index expression panics, and format.checked reports the file as malformed.
func scanGIF(data []byte) gifHead {
	var head gifHead
	rest := head.table(data[10], data[gifScreen:])
	for rest[0] == gifExtension {
		if block := rest[2:]; rest[1] == gifGraphicControl && block[1]&1 != 0 {
			head.background = block[4]
		}
		rest = rest[2:]
		for rest[0] != 0 {
			rest = rest[1+int(rest[0]):]
		}
		rest = rest[1:]
	}
	if rest[0] == gifFrame {
		head.table(rest[gifDescriptor-1], rest[gifDescriptor:])
	}
	return head
}

// table reads the colour table, if flags say that there is one, and returns the data after it.
func (h *gifHead) table(flags uint8, data []byte) []byte {
	if flags&0x80 == 0 {
		return data
	}
	h.colours = [256][3]uint8{}
	n := 2 << (flags & 7)
	for i := range n {
		copy(h.colours[i][:], data[3*i:])
	}
	return data[3*n:]
}
