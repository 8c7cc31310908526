package preprocess

import (
	"encoding/binary"
	"fmt"
	"image"
	"slices"
)

// bmpFile reads BMP files as Pillow does (python-pillow/Pillow src/PIL/BmpImagePlugin.py): of 1, 4, 8, 16, 24 and 32 bits, with masks, run lengths, and lines from
// either end. One difference is wanted: a grey palette of 4 bits, or of two colours of 8 bits, is looked up like any other, where Pillow takes the indices
// for samples.
type bmpFile struct {
	image.Config
	bits        int
	compression uint32
	masks       [4]uint32 // red, green, blue, alpha
	topDown     bool
	palette     [256][3]uint8
	start       int // where the pixels begin in the file
	pixels      []byte
}

// The ways in which pixels are stored.
const (
	bmpRaw, bmpRLE8, bmpRLE4, bmpMasks = 0, 1, 2, 3
	// bmpHead is the size of the file's header, before that of the picture.
	bmpHead = 14
)

func bmpConfig(data []byte) (image.Config, error) {
	b, err := newBMP(data)
	if err != nil {
		return image.Config{}, err
	}
	return b.Config, nil
}

// newBMP reads all that stands before the pixels.
func newBMP(data []byte) (*bmpFile, error) {
	if len(data) < bmpHead+4 {
		return nil, errEndsEarly
	}
	offset := int64(binary.LittleEndian.Uint32(data[10:]))
	size := binary.LittleEndian.Uint32(data[bmpHead:])
	if !slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, size) {
		return nil, unsupported("a BMP header of %d bytes", size)
	}
	if len(data) < bmpHead+int(size) {
		return nil, errEndsEarly
	}
	b := &bmpFile{}
	header, rest := data[bmpHead:bmpHead+size], data[bmpHead+size:]
	colours, entry := uint32(0), 3
	if size == 12 {
		b.Width, b.Height = int(binary.LittleEndian.Uint16(header[4:])), int(binary.LittleEndian.Uint16(header[6:]))
		b.bits = int(binary.LittleEndian.Uint16(header[10:]))
	} else {
		colours, entry = binary.LittleEndian.Uint32(header[32:]), 4
		b.measure(header)
		if b.compression == bmpMasks {
			var err error
			if rest, err = b.readMasks(header, rest); err != nil {
				return nil, err
			}
		}
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	if b.bits <= 8 {
		if colours == 0 {
			colours = 1 << b.bits
		}
		if colours > 1<<16 {
			return nil, fmt.Errorf("malformed palette of %d colours", colours)
		}
		if offset == int64(bmpHead+size) { // written by programs that forget the palette
			offset += int64(entry) * int64(colours)
		}
		rest = b.readPalette(rest, int(colours), entry)
	}
	if offset != 0 {
		rest = data[min(offset, int64(len(data))):]
	}
	b.pixels, b.start = rest, len(data)-len(rest)
	return b, nil
}

// measure reads the size and the form of pixels from a header of 40 bytes or more.
func (b *bmpFile) measure(header []byte) {
	b.Width = int(binary.LittleEndian.Uint32(header[4:]))
	b.Height = int(binary.LittleEndian.Uint32(header[8:]))
	if b.topDown = header[11] == 0xff; b.topDown {
		b.Height = int(-binary.LittleEndian.Uint32(header[8:]))
	}
	b.bits = int(binary.LittleEndian.Uint16(header[14:]))
	b.compression = binary.LittleEndian.Uint32(header[16:])
}

// readMasks reads the masks, which stand in the header or after one of 40 bytes, and returns what follows.
func (b *bmpFile) readMasks(header, rest []byte) ([]byte, error) {
	count, from := 3, header[40:]
	switch {
	case len(header) == 40:
		from, rest = rest, rest[min(12, len(rest)):]
	case len(header) >= 56:
		count = 4
	}
	if len(from) < 4*count {
		return nil, errEndsEarly
	}
	for i := range count {
		b.masks[i] = binary.LittleEndian.Uint32(from[4*i:])
	}
	return rest, nil
}

// readPalette reads so many colours and returns what follows. Those that are missing are black.
func (b *bmpFile) readPalette(data []byte, colours, entry int) []byte {
	table := data[:min(len(data), colours*entry)]
	for i := range b.palette {
		if at := i * entry; at+3 <= len(table) {
			b.palette[i] = [3]uint8{table[at+2], table[at+1], table[at]}
		}
	}
	return data[len(table):]
}

// bmpMaskedLayouts has the offset of red, green and blue in the bytes of a pixel, for each set of masks of 32 and 24 bits.
var bmpMaskedLayouts = map[int]map[[4]uint32][3]int{
	32: {
		{0xff0000, 0xff00, 0xff, 0}:          {2, 1, 0},
		{0xff000000, 0xff0000, 0xff00, 0}:    {3, 2, 1},
		{0xff000000, 0xff00, 0xff, 0}:        {3, 1, 0},
		{0xff000000, 0xff0000, 0xff00, 0xff}: {3, 2, 1},
		{0xff, 0xff00, 0xff0000, 0xff000000}: {0, 1, 2},
		{0xff0000, 0xff00, 0xff, 0xff000000}: {2, 1, 0},
		{0xff000000, 0xff00, 0xff, 0xff0000}: {3, 1, 0},
		{0, 0, 0, 0}:                         {2, 1, 0},
	},
	24: {{0xff0000, 0xff00, 0xff}: {2, 1, 0}},
}

// check returns an error unless the form of the pixels is known.
func (b *bmpFile) check() error {
	if !slices.Contains([]int{1, 4, 8, 16, 24, 32}, b.bits) {
		return unsupported("BMP of %d bits", b.bits)
	}
	switch b.compression {
	case bmpRaw:
		return nil
	case bmpRLE8, bmpRLE4:
		if b.bits <= 8 {
			return nil
		}
	case bmpMasks:
		masks := b.masks
		if b.bits != 32 {
			masks[3] = 0
		}
		if _, known := bmpMaskedLayouts[b.bits][masks]; known || b.bits == 16 && (masks == bmp565 || masks == bmp555) {
			return nil
		}
		return unsupported("BMP of %d bits with masks %x", b.bits, b.masks)
	}
	return unsupported("BMP of %d bits, compression %d", b.bits, b.compression)
}

// The masks of 16 bits.
var bmp565, bmp555 = [4]uint32{0xf800, 0x7e0, 0x1f}, [4]uint32{0x7c00, 0x3e0, 0x1f}

func decodeBMP(data []byte) (*RGB8, error) {
	b, err := newBMP(data)
	if err != nil {
		return nil, err
	}
	dst := NewRGB8(b.Width, b.Height)
	used, stride := (b.Width*b.bits+7)/8, (b.Width*b.bits+31)/32*4
	convert := b.convert
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		if b.pixels, err = b.runs(); err != nil {
			return nil, err
		}
		used, stride, convert = b.Width, b.Width, b.indices
	}
	if b.Height > 0 && len(b.pixels) < stride*(b.Height-1)+used {
		return nil, errEndsEarly
	}
	for y := range b.Height {
		at := y
		if !b.topDown {
			at = b.Height - 1 - y
		}
		convert(dst.row(at), b.pixels[y*stride:][:used])
	}
	return dst, nil
}

// indices converts a line of one index a byte.
func (b *bmpFile) indices(dst, src []uint8) {
	for x, index := range src {
		copy(dst[3*x:3*x+3], b.palette[index][:])
	}
}

// convert converts a line of pixels as they are stored.
func (b *bmpFile) convert(dst, src []uint8) {
	switch b.bits {
	case 1, 4:
		each := 8 / b.bits
		for x := range len(dst) / 3 {
			index := src[x/each] >> (8 - b.bits*(1+x%each)) & (1<<b.bits - 1)
			copy(dst[3*x:3*x+3], b.palette[index][:])
		}
	case 8:
		b.indices(dst, src)
	case 16:
		green, most := 5, uint32(31)
		if b.compression == bmpMasks && b.masks == bmp565 {
			green, most = 6, 63
		}
		for x := range len(dst) / 3 {
			v := uint32(binary.LittleEndian.Uint16(src[2*x:]))
			dst[3*x] = uint8(v >> (5 + green) & 31 * 255 / 31)
			dst[3*x+1] = uint8(v >> 5 & most * 255 / most)
			dst[3*x+2] = uint8(v & 31 * 255 / 31)
		}
	default:
		size, at := b.bits/8, [3]int{2, 1, 0}
		if b.compression == bmpMasks && b.bits == 32 {
			at = bmpMaskedLayouts[32][b.masks]
		}
		for x := range len(dst) / 3 {
			p := src[size*x:]
			dst[3*x], dst[3*x+1], dst[3*x+2] = p[at[0]], p[at[1]], p[at[2]]
		}
	}
}

// runs expands run lengths to one index a byte. Pixels that are skipped have index 0.
func (b *bmpFile) runs() ([]byte, error) {
	total := b.Width * b.Height
	out, src, x := make([]byte, 0, total+255), b.pixels, 0
	for len(out) < total && len(src) >= 2 {
		count, value := int(src[0]), src[1]
		src = src[2:]
		switch {
		case count > 0:
			count = max(0, min(count, b.Width-x))
			for i := range count {
				out = append(out, b.pixelOf(value, i))
			}
			x += count
		case value == 0: // the end of a line
			for len(out)%b.Width != 0 {
				out = append(out, 0)
			}
			x = 0
		case value == 1: // the end of the picture
			src = nil
		case value == 2 && len(src) >= 2: // so many pixels to the right, and lines up
			skipped := min(total-len(out), int(src[0])+int(src[1])*b.Width)
			src, out = src[2:], append(out, make([]byte, skipped)...)
			x = len(out) % b.Width
		case value == 2:
			src = nil
		default:
			out, src = b.literal(out, src, min(total-len(out), int(value)))
			x += int(value)
		}
	}
	if len(out) < total {
		return nil, errEndsEarly
	}
	return out[:total], nil
}

// literal appends so many pixels that stand in src one by one, and returns what follows, from an even position in the file on.
func (b *bmpFile) literal(out, src []byte, count int) (longer, rest []byte) {
	each := 1
	if b.compression == bmpRLE4 {
		each = 2
	}
	size := (count + each - 1) / each
	if len(src) < size {
		return out, nil
	}
	for i := range count {
		out = append(out, b.pixelOf(src[i/each], i))
	}
	src = src[size:]
	if at := b.start + len(b.pixels) - len(src); at%2 != 0 && len(src) > 0 {
		src = src[1:]
	}
	return out, src
}

// pixelOf returns pixel i of a run: all have the same byte, or two the two halves in turn.
func (b *bmpFile) pixelOf(value byte, i int) byte {
	switch {
	case b.compression == bmpRLE8:
		return value
	case i%2 == 0:
		return value >> 4
	}
	return value & 15
}
