package preprocess

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"slices"
)

// tiffFile reads the first picture of a TIFF file as Pillow does (python-pillow/Pillow src/PIL/TiffImagePlugin.py): grey, palettes, RGB and CMYK of all depths,
// in strips or tiles, raw or compressed. Unlike the other formats the picture is always turned as its orientation says, since Pillow does that.
type tiffFile struct {
	data  []byte
	order binary.ByteOrder
	big   bool // BigTIFF, whose offsets have 8 bytes
	image.Config
	photometric, compression, predictor, orientation int
	planar, reversed                                 bool // samples are stored apart; the first pixel is in the lowest bit
	format                                           int  // what the bits of a sample are
	bits                                             []int
	extra                                            []int // what samples beyond the colours are
	parts                                            tiffParts
	palette                                          [256][3]uint8
	tables                                           []byte // of JPEG
	fax                                              int    // the options of fax of group 3
}

// tiffParts are the strips or tiles.
type tiffParts struct {
	width, height   int
	across, down    int
	offsets, counts []uint64
	tiled           bool
}

// The tags of a directory (TIFF 6.0).
const (
	tiffWidth, tiffHeight, tiffBits, tiffCompression, tiffPhotometric, tiffFillOrder = 256, 257, 258, 259, 262, 266
	tiffStrips, tiffOrientation, tiffSamples, tiffRows, tiffStripSizes, tiffPlanar   = 273, 274, 277, 278, 279, 284
	tiffFaxOptions, tiffPredictor, tiffPalette, tiffTileWidth, tiffTileHeight        = 292, 317, 320, 322, 323
	tiffTiles, tiffTileSizes, tiffExtra, tiffFormat, tiffTables                      = 324, 325, 338, 339, 347
)

// What samples are colours of, and what their bits are.
const (
	tiffWhiteIsZero, tiffBlackIsZero, tiffRGB, tiffIndices, tiffInks, tiffYCbCr = 0, 1, 2, 3, 5, 6
	tiffUnsigned, tiffSigned, tiffFloat                                         = 1, 2, 3
)

func tiffConfig(data []byte) (image.Config, error) {
	t, err := newTIFF(data)
	if err != nil {
		return image.Config{}, err
	}
	if t.orientation >= 5 {
		return image.Config{Width: t.Height, Height: t.Width}, nil
	}
	return t.Config, nil
}

// newTIFF reads the first directory.
func newTIFF(data []byte) (*tiffFile, error) {
	t := &tiffFile{data: data, order: binary.LittleEndian, big: data[2] == 43 || data[3] == 43}
	if data[0] == 'M' {
		t.order = binary.BigEndian
	}
	fields, torn, err := t.directory()
	if err != nil {
		return nil, err
	}
	one := func(tag, otherwise int) int {
		if v := fields[tag]; len(v) > 0 {
			return int(min(v[0], math.MaxInt32))
		}
		return otherwise
	}
	t.Width, t.Height = one(tiffWidth, 0), one(tiffHeight, 0)
	if t.Width == 0 || t.Height == 0 {
		return nil, fmt.Errorf("malformed image: size is %d x %d pixels", t.Width, t.Height)
	}
	t.compression, t.photometric = one(tiffCompression, 1), one(tiffPhotometric, 0)
	if torn && t.compression != tiffRaw { // Pillow reads the others with libtiff, which wants a whole directory
		return nil, errEndsEarly
	}
	t.predictor, t.orientation = one(tiffPredictor, 1), known(uint64(one(tiffOrientation, 1)))
	t.fax = one(tiffFaxOptions, 0)
	t.planar, t.reversed, t.format = one(tiffPlanar, 1) == 2, one(tiffFillOrder, 1) == 2, one(tiffFormat, 1)
	for _, v := range fields[tiffFormat] {
		if int(v) != t.format {
			return nil, unsupported("TIFF with samples of several kinds")
		}
	}
	if err := t.samples(fields, one); err != nil {
		return nil, err
	}
	t.readPalette(fields[tiffPalette])
	for _, v := range fields[tiffTables] {
		t.tables = append(t.tables, byte(v))
	}
	return t, t.divide(fields, one)
}

// samples reads how many samples a pixel has, and their bits.
func (t *tiffFile) samples(fields map[int][]uint64, one func(tag, otherwise int) int) error {
	most := 8
	count := one(tiffSamples, 1)
	if t.compression == tiffJPEG && fields[tiffSamples] == nil && (t.photometric == tiffRGB || t.photometric == tiffYCbCr) {
		count = 3
	}
	if count < 1 || count > most {
		return unsupported("TIFF of %d samples", count)
	}
	bits := fields[tiffBits]
	if len(bits) == 0 {
		bits = []uint64{1}
	}
	if len(bits) == 1 {
		bits = slices.Repeat(bits, count)
	}
	if len(bits) < count {
		return fmt.Errorf("malformed image: bits of %d samples for %d", len(bits), count)
	}
	for _, v := range bits[:count] {
		if v != bits[0] || v > 32 {
			return unsupported("TIFF with samples of several sizes")
		}
		t.bits = append(t.bits, int(v))
	}
	for _, v := range fields[tiffExtra] {
		t.extra = append(t.extra, int(min(v, math.MaxInt32)))
	}
	return nil
}

// readPalette reads the colours, of which the high byte is kept: all reds, all greens, all blues.
func (t *tiffFile) readPalette(values []uint64) {
	each := len(values) / 3
	for i := range min(each, 256) {
		t.palette[i] = [3]uint8{uint8(values[i] >> 8), uint8(values[each+i] >> 8), uint8(values[2*each+i] >> 8)}
	}
}

// divide reads where the strips or tiles are.
func (t *tiffFile) divide(fields map[int][]uint64, one func(tag, otherwise int) int) error {
	p := &t.parts
	if fields[tiffStrips] != nil {
		p.width, p.height = t.Width, min(one(tiffRows, t.Height), t.Height)
		p.offsets, p.counts = fields[tiffStrips], fields[tiffStripSizes]
	} else {
		p.tiled, p.width, p.height = true, one(tiffTileWidth, 0), one(tiffTileHeight, 0)
		p.offsets, p.counts = fields[tiffTiles], fields[tiffTileSizes]
	}
	if p.width < 1 || p.height < 1 {
		return fmt.Errorf("malformed image: parts of %d x %d pixels", p.width, p.height)
	}
	p.across, p.down = (t.Width-1)/p.width+1, (t.Height-1)/p.height+1
	const spare = 1 << 22
	if area := int64(t.Width) * int64(t.Height); int64(p.across)*int64(p.width)*int64(min(p.height, t.Height)) > 4*area+spare {
		return fmt.Errorf("malformed image: tiles of %d x %d pixels", p.width, p.height)
	}
	planes := 1
	if t.planar {
		planes = len(t.bits)
	}
	if want := int64(p.across) * int64(p.down) * int64(planes); int64(len(p.offsets)) < want {
		return fmt.Errorf("malformed image: %d strips or tiles, want %d", len(p.offsets), want)
	}
	return nil
}

// directory reads the fields of the first directory: the numbers in each. Of fields whose numbers are not all in the file, places and sizes of strips and tiles are read as
// far as there are any, and others are left out. torn says that the file ends within the directory.
func (t *tiffFile) directory() (fields map[int][]uint64, torn bool, err error) {
	head, countSize, entrySize, valueSize := 4, 2, 12, 4
	if t.big {
		head, countSize, entrySize, valueSize = 8, 8, 20, 8
	}
	at, ok := t.number(uint64(head), valueSize)
	count, ok2 := t.number(at, countSize)
	if !ok || !ok2 {
		return nil, false, errEndsEarly
	}
	at += uint64(countSize)
	fields = make(map[int][]uint64)
	if most := (uint64(len(t.data)) - at) / uint64(entrySize); count > most {
		count, torn = most, true
	}
	left := uint64(len(t.data)) // values that may be read: no more than fit into the file
	for i := range count {
		entry := at + i*uint64(entrySize)
		tag, _ := t.number(entry, 2)
		kind, _ := t.number(entry+2, 2)
		length, _ := t.number(entry+4, valueSize)
		size := uint64(map[uint64]int{1: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8}[kind])
		if _, again := fields[int(tag)]; again || !slices.Contains(tiffTags, int(tag)) || size == 0 {
			continue
		}
		from := entry + 4 + uint64(valueSize)
		if length > uint64(valueSize)/size {
			from, _ = t.number(from, valueSize)
		}
		there := (uint64(len(t.data)) - min(from, uint64(len(t.data)))) / size
		if there = min(there, left/size); length > there {
			if !slices.Contains(tiffPlaces, int(tag)) {
				continue
			}
			length = there
		}
		left -= length * size
		values := make([]uint64, length)
		for j := range values {
			values[j], _ = t.number(from+uint64(j)*size, int(size))
		}
		fields[int(tag)] = values
	}
	return fields, torn, nil
}

// tiffPlaces are the tags that say where strips and tiles are. Pillow leaves out those that are not whole, and libtiff, by which it reads what is compressed, takes what it needs.
var tiffPlaces = []int{tiffStrips, tiffStripSizes, tiffTiles, tiffTileSizes}

// tiffTags are those that are read.
var tiffTags = []int{
	tiffWidth, tiffHeight, tiffBits, tiffCompression, tiffPhotometric, tiffFillOrder, tiffStrips, tiffOrientation, tiffSamples, tiffRows, tiffStripSizes,
	tiffPlanar, tiffPredictor, tiffPalette, tiffTileWidth, tiffTileHeight, tiffTiles, tiffTileSizes, tiffExtra, tiffFormat, tiffTables,
	tiffFaxOptions,
}

// number returns the number of so many bytes at a place, if the file has one there.
func (t *tiffFile) number(at uint64, size int) (uint64, bool) {
	if at > uint64(len(t.data)) || uint64(len(t.data))-at < uint64(size) {
		return 0, false
	}
	b := t.data[at:]
	switch size {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(t.order.Uint16(b)), true
	case 4:
		return uint64(t.order.Uint32(b)), true
	}
	return t.order.Uint64(b), true
}
