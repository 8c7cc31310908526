package preprocess

import (
	"compress/lzw"
	"encoding/binary"
	"errors"
	"image"
	"io"
)

// gifFile reads the first frame of a GIF file as Pillow does (python-pillow/Pillow src/PIL/GifImagePlugin.py): transparency is ignored, so the colour of the
// transparent index counts. The canvas around a smaller frame has that colour, or that of index 0.
type gifFile struct {
	image.Config // the canvas, which is made larger if the frame reaches beyond it
	colours      [256][3]uint8
	background   uint8 // index of what surrounds the frame
	frame        image.Rectangle
	interlaced   bool
	rest         []byte // what follows the descriptor of the frame, and its colours
}

// The parts of a GIF file (GIF89a specification, section 12 and following).
const (
	gifScreen         = 13 // bytes of signature and logical screen descriptor; the colour table follows
	gifDescriptor     = 9  // bytes of an image descriptor after its introducer
	gifExtension      = 0x21
	gifGraphicControl = 0xf9
	gifFrame          = 0x2c
)

func gifConfig(data []byte) (image.Config, error) {
	g, err := newGIF(data)
	if err != nil {
		return image.Config{}, err
	}
	return g.Config, nil
}

// newGIF reads up to the first frame. What is not known between blocks is skipped.
func newGIF(data []byte) (*gifFile, error) {
	if len(data) < gifScreen {
		return nil, errEndsEarly
	}
	g := &gifFile{}
	g.Width, g.Height = int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	for i := range g.colours { // without any table indices are grey
		g.colours[i] = [3]uint8{uint8(i), uint8(i), uint8(i)}
	}
	rest, err := g.table(data[10], data[gifScreen:])
	for err == nil {
		if len(rest) == 0 {
			return nil, errEndsEarly
		}
		introducer := rest[0]
		rest = rest[1:]
		switch introducer {
		case gifExtension:
			rest, err = g.extension(rest)
		case gifFrame:
			return g, g.describe(rest)
		case ';':
			return nil, errors.New("malformed image: no frame")
		}
	}
	return nil, err
}

// table reads the colour table, if flags say that there is one, and returns the data after it.
func (g *gifFile) table(flags uint8, data []byte) ([]byte, error) {
	if flags&0x80 == 0 {
		return data, nil
	}
	g.colours = [256][3]uint8{}
	n := 2 << (flags & 7)
	if len(data) < 3*n {
		return nil, errEndsEarly
	}
	for i := range n {
		copy(g.colours[i][:], data[3*i:])
	}
	return data[3*n:], nil
}

// extension reads an extension, of which only the transparent index is used, and returns what follows it.
func (g *gifFile) extension(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errEndsEarly
	}
	blocks := &gifBlocks{data: data[1:]}
	if first, err := blocks.next(); err == nil && data[0] == gifGraphicControl && len(first) >= 4 && first[0]&1 != 0 {
		g.background = first[3]
	}
	for {
		switch _, err := blocks.next(); {
		case errors.Is(err, io.EOF):
			return blocks.data, nil
		case err != nil:
			return nil, err
		}
	}
}

// describe reads the place of the frame, and its colours.
func (g *gifFile) describe(data []byte) error {
	if len(data) < gifDescriptor {
		return errEndsEarly
	}
	number := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	at := image.Pt(number(0), number(2))
	g.frame = image.Rectangle{Min: at, Max: at.Add(image.Pt(number(4), number(6)))}
	g.Width, g.Height = max(g.Width, g.frame.Max.X), max(g.Height, g.frame.Max.Y)
	g.interlaced = data[8]&0x40 != 0
	var err error
	g.rest, err = g.table(data[8], data[gifDescriptor:])
	return err
}

// gifBlocks reads the blocks of data up to an empty one.
type gifBlocks struct {
	data  []byte
	block []byte // what has not been read of the last block
	ended bool
}

// next returns the next block, or io.EOF after the last one.
func (b *gifBlocks) next() ([]byte, error) {
	if b.ended {
		return nil, io.EOF
	}
	if len(b.data) == 0 {
		return nil, errEndsEarly
	}
	n := int(b.data[0])
	b.data = b.data[1:]
	if b.ended = n == 0; b.ended {
		return nil, io.EOF
	}
	n = min(n, len(b.data))
	block := b.data[:n]
	b.data = b.data[n:]
	return block, nil
}

func (b *gifBlocks) Read(p []byte) (int, error) {
	for len(b.block) == 0 {
		var err error
		if b.block, err = b.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.block)
	b.block = b.block[n:]
	return n, nil
}

// ReadByte makes the blocks an [io.ByteReader], without which package lzw would read ahead.
func (b *gifBlocks) ReadByte() (byte, error) {
	var one [1]byte
	_, err := b.Read(one[:])
	return one[0], err
}

// gifPasses are the first line and the step of the four parts of an interlaced frame.
var gifPasses = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}

func decodeGIF(data []byte) (*RGB8, error) {
	g, err := newGIF(data)
	if err != nil {
		return nil, err
	}
	dst := NewRGB8(g.Width, g.Height)
	for i := 0; i < len(dst.Pix); i += 3 {
		copy(dst.Pix[i:i+3], g.colours[g.background][:])
	}
	if len(g.rest) == 0 {
		return nil, errEndsEarly
	}
	width := int(g.rest[0])
	if width < 1 || width > 8 {
		return nil, errors.New("malformed pixels: the size of codes")
	}
	source := lzw.NewReader(&gifBlocks{data: g.rest[1:]}, lzw.LSB, width)
	line := make([]byte, g.frame.Dx())
	parts := [][2]int{{0, 1}}
	if g.interlaced {
		parts = gifPasses
	}
	for _, part := range parts {
		for y := part[0]; y < g.frame.Dy(); y += part[1] {
			if _, err := io.ReadFull(source, line); err != nil {
				return nil, pixelsError(err)
			}
			to := dst.row(g.frame.Min.Y + y)[3*g.frame.Min.X:]
			for x, index := range line {
				copy(to[3*x:3*x+3], g.colours[index][:])
			}
		}
	}
	return dst, nil
}
