package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zlib"
	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"

	"github.com/beitzoo/beitzoo/beit/preprocess/jpeg"
)

// The compressions that are read.
const (
	tiffRaw, tiffFax3, tiffFax4, tiffLZW, tiffJPEG = 1, 3, 4, 5, 7
	tiffDeflate, tiffOldDeflate, tiffPackBits      = 8, 32946, 32773
)

// tiffCompressions are those that are not read.
var tiffCompressions = map[int]string{
	2: "run lengths of fax (CCITT RLE)", 6: "JPEG as in TIFF 6.0 (old JPEG)", 9: "JBIG", 10: "JBIG", 32766: "NeXT", 32809: "ThunderScan", 32771: "run lengths of fax (CCITT RLE)",
	33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34676: "SGI's LogLUV", 34677: "SGI's LogLUV", 34712: "JPEG 2000", 34887: "LERC",
	34925: "LZMA", 34926: "Zstandard", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}

func decodeTIFF(data []byte) (*RGB8, error) {
	t, err := newTIFF(data)
	if err != nil {
		return nil, err
	}
	convert, err := t.converter()
	if err != nil {
		return nil, err
	}
	dst := NewRGB8(t.Width, t.Height)
	if t.planar && len(t.bits) > 1 {
		err = t.planes(dst, convert)
	} else {
		err = t.chunky(dst, convert)
	}
	if err != nil {
		return nil, err
	}
	return turn(dst, t.orientation), nil
}

// lineConverter converts a line of pixels, as stored, to RGB; dst has the samples of as many pixels as are wanted.
type lineConverter func(dst, src []uint8)

// chunky reads pictures whose pixels have their samples side by side.
func (t *tiffFile) chunky(dst *RGB8, convert lineConverter) error {
	return t.each(0, len(t.bits), func(y, x, width int, line []byte) {
		convert(dst.row(y)[3*x:3*(x+width)], line)
	})
}

// planes reads pictures whose samples lie apart, each like a grey picture, and puts pixels together.
func (t *tiffFile) planes(dst *RGB8, convert lineConverter) error {
	size := t.bits[0] / 8
	if t.bits[0]%8 != 0 {
		return unsupported("TIFF with planes of %d bits", t.bits[0])
	}
	pixel := size * len(t.bits)
	whole := make([]byte, pixel*t.Width*t.Height)
	for plane := range t.bits {
		err := t.each(plane, 1, func(y, x, width int, line []byte) {
			to := whole[pixel*(y*t.Width+x)+plane*size:]
			for i := range width {
				copy(to[pixel*i:pixel*i+size], line[size*i:])
			}
		})
		if err != nil {
			return err
		}
	}
	for y := range t.Height {
		convert(dst.row(y), whole[pixel*y*t.Width:])
	}
	return nil
}

// each calls do for each line of each strip or tile of a plane whose pixels have so many samples: its place in the picture, and its bytes.
func (t *tiffFile) each(plane, samples int, do func(y, x, width int, line []byte)) error {
	p := &t.parts
	line := make([]byte, (p.width*samples*t.bits[0]+7)/8)
	for part := range p.across * p.down {
		x, y := part%p.across*p.width, part/p.across*p.height
		width, height := min(p.width, t.Width-x), min(p.height, t.Height-y)
		source, err := t.open(t.stored(plane, part), height)
		if err != nil {
			return err
		}
		for i := range height {
			if _, err := io.ReadFull(source, line); err != nil {
				return pixelsError(err)
			}
			if err := t.undoPredictor(line, samples); err != nil {
				return err
			}
			do(y+i, x, width, line)
		}
		if p.tiled {
			height = p.height
		}
		if err := finish(source, line, height-min(height, t.Height-y)); err != nil {
			return err
		}
	}
	return nil
}

// stored returns the index of a strip or tile of a plane in the file. If the file has more of them than the picture, Pillow begins anew, so that the last ones are seen;
// libtiff does not.
func (t *tiffFile) stored(plane, part int) int {
	each := t.parts.across * t.parts.down
	if t.compression != tiffRaw || t.planar {
		return plane*each + part
	}
	return part + (len(t.parts.offsets)-1-part)/each*each
}

// finish reads the lines of a tile that are outside of the picture, so that a wrong checksum behind them is noticed. If there are more pixels, libtiff does not come to it.
func finish(source io.Reader, line []byte, lines int) error {
	const most = 1 << 22 // tiles may be much higher than the picture
	rest := int64(min(most, lines*len(line)))
	if n, err := io.CopyN(io.Discard, source, rest+1); n <= rest && errors.Is(err, zlib.ErrChecksum) {
		return pixelsError(err)
	}
	return nil
}

// open returns the bytes of a strip or tile, of which so many lines are wanted.
func (t *tiffFile) open(part, height int) (io.Reader, error) {
	from, size := t.parts.offsets[part], uint64(len(t.data))
	if part < len(t.parts.counts) {
		size = t.parts.counts[part]
	}
	if from > uint64(len(t.data)) {
		return nil, errEndsEarly
	}
	raw := t.data[from:]
	if t.compression != tiffRaw {
		raw = raw[:min(size, uint64(len(raw)))]
	}
	if t.reversed && t.compression != tiffFax3 && t.compression != tiffFax4 {
		raw = reverseBits(raw)
	}
	order := ccitt.MSB
	if t.reversed {
		order = ccitt.LSB
	}
	source := bytes.NewReader(raw)
	switch t.compression {
	case tiffRaw:
		return source, nil
	case tiffFax3:
		if t.fax&1 == 1 {
			return nil, unsupported("TIFF with fax of group 3 that is coded in two dimensions")
		}
		return ccitt.NewReader(source, order, ccitt.Group3, t.parts.width, height, &ccitt.Options{Invert: true}), nil
	case tiffFax4:
		return ccitt.NewReader(source, order, ccitt.Group4, t.parts.width, height, &ccitt.Options{Invert: true}), nil
	case tiffLZW:
		return lzw.NewReader(source, lzw.MSB, 8), nil
	case tiffDeflate, tiffOldDeflate:
		return zlib.NewReader(source)
	case tiffPackBits:
		return &packBits{data: raw}, nil
	case tiffJPEG:
		return t.openJPEG(raw, height)
	}
	if name := tiffCompressions[t.compression]; name != "" {
		return nil, unsupported("TIFF compressed by %s", name)
	}
	return nil, unsupported("TIFF with compression %d", t.compression)
}

func reverseBits(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = bits.Reverse8(b)
	}
	return out
}

// openJPEG returns the samples of a JPEG file without tables, which are those of the whole picture. The colours are converted if they are luma and colour
// differences; that is said by a marker, since such files have none (libtiff src tif_jpeg.c).
func (t *tiffFile) openJPEG(data []byte, height int) (io.Reader, error) {
	transform := byte(0)
	if t.photometric == tiffYCbCr {
		transform = 1
	}
	whole := append([]byte("\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"), transform)
	for i, part := range [][]byte{t.tables, data} {
		part = bytes.TrimPrefix(part, []byte("\xff\xd8"))
		if i == 0 {
			part = bytes.TrimSuffix(part, []byte("\xff\xd9"))
		}
		whole = append(whole, part...)
	}
	config, err := jpeg.DecodeConfig(whole)
	if err != nil {
		return nil, fmt.Errorf("a JPEG part: %w", err)
	}
	if config.Width != t.parts.width || config.Height < height || config.Height > t.parts.height || config.Components != len(t.bits) || t.bits[0] != 8 {
		return nil, errors.New("malformed image: a JPEG part of another size")
	}
	img, err := jpeg.Decode(whole)
	if err != nil {
		return nil, fmt.Errorf("a JPEG part: %w", err)
	}
	return bytes.NewReader(img.Pix), nil
}

// packBits reads run lengths: n < 128 stands before n + 1 bytes, n > 128 before one that is repeated 257 - n times.
type packBits struct {
	data []byte
	run  []byte // not yet read
}

func (p *packBits) Read(out []byte) (int, error) {
	for len(p.run) == 0 {
		if len(p.data) == 0 {
			return 0, io.EOF
		}
		n := int(p.data[0])
		p.data = p.data[1:]
		switch {
		case n < 128:
			n = min(n+1, len(p.data))
			p.run, p.data = p.data[:n], p.data[n:]
		case n > 128 && len(p.data) > 0:
			p.run, p.data = bytes.Repeat(p.data[:1], 257-n), p.data[1:]
		}
	}
	n := copy(out, p.run)
	p.run = p.run[n:]
	return n, nil
}

// undoPredictor restores a line of which differences are stored.
func (t *tiffFile) undoPredictor(line []byte, samples int) error {
	if t.predictor == 1 || t.compression != tiffLZW && t.compression != tiffDeflate && t.compression != tiffOldDeflate {
		return nil
	}
	switch {
	case t.predictor == 2 && t.bits[0] == 8:
		for i := samples; i < len(line); i++ {
			line[i] += line[i-samples]
		}
	case t.predictor == 2 && t.bits[0] == 16:
		for i := 2 * samples; i+2 <= len(line); i += 2 {
			t.order.PutUint16(line[i:], t.order.Uint16(line[i:])+t.order.Uint16(line[i-2*samples:]))
		}
	case t.predictor == 2 && t.bits[0] == 32:
		for i := 4 * samples; i+4 <= len(line); i += 4 {
			t.order.PutUint32(line[i:], t.order.Uint32(line[i:])+t.order.Uint32(line[i-4*samples:]))
		}
	case t.predictor == 3 && t.bits[0] == 32 && t.format == tiffFloat:
		t.undoFloatPredictor(line, samples)
	default:
		return unsupported("TIFF with predictor %d for %d bits", t.predictor, t.bits[0])
	}
	return nil
}

// undoFloatPredictor restores a line of floats, whose bytes are stored apart, the highest ones first, as differences.
func (t *tiffFile) undoFloatPredictor(line []byte, samples int) {
	for i := samples; i < len(line); i++ {
		line[i] += line[i-samples]
	}
	apart := append([]byte(nil), line...)
	count := len(line) / 4
	for i := range count {
		v := uint32(apart[i])<<24 | uint32(apart[count+i])<<16 | uint32(apart[2*count+i])<<8 | uint32(apart[3*count+i])
		t.order.PutUint32(line[4*i:], v)
	}
}
