package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"io"

	"github.com/klauspost/compress/zlib"
)

// pngFile reads PNG files as Pillow does (python-pillow/Pillow src/PIL/PngImagePlugin.py and src/libImaging/ZipDecode.c): transparency and gamma are ignored, of
// 16-bit colours the high byte is kept, 16-bit grey saturates. The checksums of pixels need not be right, and the file may end after the last of them.
type pngFile struct {
	image.Config
	depth, colour byte // bits of a sample, and the type of colours
	interlaced    bool
	palette       [256][3]uint8
	pixels        [][]byte // compressed, in parts
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// The types of colours (PNG specification, 11.2.2).
const (
	pngGrey, pngRGB, pngPalette, pngGreyAlpha, pngRGBA = 0, 2, 3, 4, 6
)

// pngSamples is how many samples a pixel has.
var pngSamples = map[byte]int{pngGrey: 1, pngRGB: 3, pngPalette: 1, pngGreyAlpha: 2, pngRGBA: 4}

func pngConfig(data []byte) (image.Config, error) {
	p := &pngFile{}
	err := p.header(data)
	return p.Config, err
}

// header reads the first chunk.
func (p *pngFile) header(data []byte) error {
	const from, size = len(pngMagic) + 8, 13
	if len(data) < from+size {
		return errEndsEarly
	}
	if string(data[from-4:from]) != "IHDR" {
		return errors.New("malformed header")
	}
	head := data[from : from+size]
	width, height := binary.BigEndian.Uint32(head), binary.BigEndian.Uint32(head[4:])
	if width == 0 || height == 0 || width > 1<<31-1 || height > 1<<31-1 {
		return fmt.Errorf("malformed header: %d x %d pixels", width, height)
	}
	p.Width, p.Height = int(width), int(height)
	p.depth, p.colour, p.interlaced = head[8], head[9], head[12] != 0
	known := p.depth == 8 || p.depth == 16 && p.colour != pngPalette
	known = known || (p.depth == 1 || p.depth == 2 || p.depth == 4) && (p.colour == pngGrey || p.colour == pngPalette)
	if pngSamples[p.colour] == 0 || !known || head[10] != 0 || head[11] != 0 {
		return fmt.Errorf("malformed header: colours of type %d with %d bits, method %d, filter %d", p.colour, p.depth, head[10], head[11])
	}
	return nil
}

// chunks reads up to the end of the pixels.
func (p *pngFile) chunks(data []byte) error {
	rest := data[len(pngMagic):]
	for len(rest) >= 8 {
		size, kind := int64(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		pixels := kind == "IDAT"
		if !pixels && p.pixels != nil || kind == "IEND" {
			break
		}
		body := rest[8:]
		whole := int64(len(body)) >= size+4
		if !whole && !pixels {
			return errEndsEarly
		}
		body = body[:min(size, int64(len(body)))]
		rest = rest[8+len(body):]
		sum := rest[:min(4, len(rest))]
		rest = rest[len(sum):]
		switch {
		case pixels:
			p.pixels = append(p.pixels, body)
		case crc32.Update(crc32.ChecksumIEEE([]byte(kind)), crc32.IEEETable, body) != binary.BigEndian.Uint32(sum):
			return fmt.Errorf("malformed chunk %.4q: other checksum", kind)
		case kind == "PLTE":
			for i := range min(len(body)/3, 256) {
				copy(p.palette[i][:], body[3*i:])
			}
		}
	}
	if p.pixels == nil {
		return errEndsEarly
	}
	return nil
}

// passes are the first column and line, and the steps, of the parts of an interlaced picture, each of which is compressed like a picture of its own.
var passes = [7][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}

func decodePNG(data []byte) (*RGB8, error) {
	p := &pngFile{}
	if err := p.header(data); err != nil {
		return nil, err
	}
	if err := p.chunks(data); err != nil {
		return nil, err
	}
	return p.decode()
}

// decode decompresses the pixels.
func (p *pngFile) decode() (*RGB8, error) {
	readers := make([]io.Reader, len(p.pixels))
	for i, part := range p.pixels {
		readers[i] = bytes.NewReader(part)
	}
	source, err := zlib.NewReader(io.MultiReader(readers...))
	if err != nil {
		return nil, pixelsError(err)
	}
	dst := NewRGB8(p.Width, p.Height)
	parts := passes[:]
	if !p.interlaced {
		parts = [][4]int{{0, 0, 1, 1}}
	}
	for _, part := range parts {
		if err := p.pass(dst, source, part); err != nil {
			return nil, pixelsError(err)
		}
	}
	// The checksum may be missing, or stand where Pillow does not read it, as behind more pixels, but not be another.
	if more, err := source.Read(make([]byte, 1)); more == 0 && errors.Is(err, zlib.ErrChecksum) && !dividesChecksum(p.pixels) {
		return nil, pixelsError(err)
	}
	return dst, nil
}

// pngParts reads the compressed pixels, byte by byte, so that what follows them is not read.
type pngParts struct {
	parts [][]byte
	// part and at are where the next byte is.
	part, at int
}

func (p *pngParts) ReadByte() (byte, error) {
	for p.part < len(p.parts) && p.at == len(p.parts[p.part]) {
		p.part, p.at = p.part+1, 0
	}
	if p.part == len(p.parts) {
		return 0, io.EOF
	}
	p.at++
	return p.parts[p.part][p.at-1], nil
}

func (p *pngParts) Read(out []byte) (n int, err error) {
	for ; n < len(out) && err == nil; n++ {
		if out[n], err = p.ReadByte(); err != nil {
			break
		}
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// dividesChecksum reports whether the four bytes of the checksum are not all in one piece of what Pillow reads at once with the byte before them: pieces end with their part, and
// after 64 KB. Then it has all pixels before it has the checksum, and reads no further (python-pillow/Pillow src/PIL/ImageFile.py, src/libImaging/ZipDecode.c).
func dividesChecksum(parts [][]byte) bool {
	p := &pngParts{parts: parts}
	if source, err := zlib.NewReader(p); err == nil {
		_, _ = io.Copy(io.Discard, source) // up to the checksum, which is wrong
	}
	const piece = 1 << 16
	return p.at <= 4 || (p.at-1)/piece != (p.at-5)/piece
}

// pixelsError returns the error for one of decompression, of all formats.
func pixelsError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errEndsEarly) {
		return errEndsEarly
	}
	return fmt.Errorf("malformed pixels: %w", err)
}

// pass reads a part of the picture: lines of which each has a byte for its filter.
func (p *pngFile) pass(dst *RGB8, source io.Reader, at [4]int) error {
	x0, y0, stepX, stepY := at[0], at[1], at[2], at[3]
	width := (p.Width - x0 + stepX - 1) / stepX
	if width <= 0 {
		return nil
	}
	bits := pngSamples[p.colour] * int(p.depth)
	size, pixel := (width*bits+7)/8, (bits+7)/8
	line, above := make([]byte, pixel+size), make([]byte, pixel+size) // with a pixel of zeros in front
	for y := y0; y < p.Height; y += stepY {
		// The byte of the filter is read to where the last zero is.
		if _, err := io.ReadFull(source, line[pixel-1:]); err != nil {
			return err
		}
		filter := line[pixel-1]
		line[pixel-1] = 0
		if err := unfilter(filter, line, above, pixel); err != nil {
			return err
		}
		p.convert(dst.row(y)[3*x0:], line[pixel:], width, 3*stepX)
		line, above = above, line
	}
	return nil
}

// unfilter restores a line, which like the one above it begins with a pixel of zeros (PNG specification, 9.2).
func unfilter(filter byte, line, above []byte, pixel int) error {
	above = above[:len(line)]
	switch filter {
	case 0:
	case 1:
		for i := pixel; i < len(line); i++ {
			line[i] += line[i-pixel]
		}
	case 2:
		for i := pixel; i < len(line); i++ {
			line[i] += above[i]
		}
	case 3:
		for i := pixel; i < len(line); i++ {
			line[i] += uint8((int(line[i-pixel]) + int(above[i])) / 2)
		}
	case 4:
		for i := pixel; i < len(line); i++ {
			line[i] += paeth(int(line[i-pixel]), int(above[i]), int(above[i-pixel]))
		}
	default:
		return fmt.Errorf("filter %d", filter)
	}
	return nil
}

// paeth returns that of the samples at the left, above, and above at the left which is nearest to left + above - corner.
func paeth(left, above, corner int) uint8 {
	toLeft, toAbove := above-corner, left-corner
	toCorner := toLeft + toAbove
	toLeft, toAbove, toCorner = max(toLeft, -toLeft), max(toAbove, -toAbove), max(toCorner, -toCorner)
	switch {
	case toLeft <= toAbove && toLeft <= toCorner:
		return uint8(left)
	case toAbove <= toCorner:
		return uint8(above)
	}
	return uint8(corner)
}

// convert writes pixels that lie step samples apart.
func (p *pngFile) convert(dst, line []byte, width, step int) {
	from := pngSamples[p.colour] * int(p.depth) / 8 // bytes of a pixel
	each := func(convert func(dst, src []uint8)) {
		for x := range width {
			convert(dst[step*x:step*x+3:step*x+3], line[from*x:from*x+from:from*x+from])
		}
	}
	switch {
	case p.depth < 8:
		p.convertBits(dst, line, width, step)
	case p.colour == pngPalette:
		each(func(d, s []uint8) { copy(d, p.palette[s[0]][:]) })
	case p.colour == pngGrey && p.depth == 16:
		each(grey16Pixel)
	case p.colour == pngGrey || p.colour == pngGreyAlpha:
		each(greyPixel)
	case p.depth == 16:
		each(rgb64Pixel)
	case from == 3 && step == 3:
		copy(dst, line[:3*width])
	default:
		each(rgbPixel)
	}
}

// convertBits is convert for samples of less than a byte.
func (p *pngFile) convertBits(dst, line []byte, width, step int) {
	depth := int(p.depth)
	most := byte(1<<depth - 1)
	for x := range width {
		v := line[x*depth/8] >> (8 - depth - x*depth%8) & most
		if p.colour == pngPalette {
			copy(dst[step*x:step*x+3], p.palette[v][:])
		} else {
			greyPixel(dst[step*x:step*x+3], []uint8{v * (255 / most)})
		}
	}
}
