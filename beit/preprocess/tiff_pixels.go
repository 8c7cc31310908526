package preprocess

import (
	"encoding/binary"
	"math"
)

// tiffColours are those that are not read.
var tiffColours = map[int]string{
	4: "a mask", 8: "colours of CIE LAB", 9: "colours of ICC LAB", 10: "colours of ITU LAB", 32803: "a colour filter array, a raw file of a camera,",
	32844: "colours of LogL", 32845: "colours of LogLUV", 34892: "linear raw colours of a camera",
}

// converter returns what converts a line of pixels, for the combinations that Pillow knows.
func (t *tiffFile) converter() (lineConverter, error) {
	bits, colours := t.bits[0], map[int]int{tiffWhiteIsZero: 1, tiffBlackIsZero: 1, tiffRGB: 3, tiffIndices: 1, tiffInks: 4, tiffYCbCr: 3}[t.photometric]
	unknown := unsupported("TIFF with %d samples of %d bits, of kind %d and colours %d", len(t.bits), bits, t.format, t.photometric)
	if name := tiffColours[t.photometric]; name != "" {
		return nil, unsupported("TIFF with %s", name)
	}
	if colours == 0 || len(t.bits) < colours {
		return nil, unknown
	}
	whole := bits == 8 || bits == 16 && (t.photometric == tiffRGB || t.photometric == tiffInks) // bytes, of which the highest one counts
	if len(t.bits) > 1 && (!whole || t.format != tiffUnsigned) {
		return nil, unknown
	}
	pixel, high := len(t.bits)*bits/8, 0
	if bits == 16 && t.order == binary.LittleEndian {
		high = 1
	}
	each := func(convert func(d, s []uint8)) lineConverter {
		return func(dst, src []uint8) { everyPixel(dst, src, pixel, convert) }
	}
	step := bits / 8
	switch t.photometric {
	case tiffRGB:
		if len(t.extra) > 0 && t.extra[0] == 1 && len(t.bits) > 3 {
			return each(func(d, s []uint8) { divide(d, s[high], s[step+high], s[2*step+high], s[3*step+high]) }), nil
		}
		return each(func(d, s []uint8) { d[0], d[1], d[2] = s[high], s[step+high], s[2*step+high] }), nil
	case tiffInks:
		return each(func(d, s []uint8) { cmykPixel(d, []uint8{s[high], s[step+high], s[2*step+high], s[3*step+high]}) }), nil
	case tiffYCbCr:
		if t.compression != tiffJPEG {
			return nil, unsupported("TIFF with luma and colour differences that are not compressed by JPEG")
		}
		return each(rgbPixel), nil
	case tiffIndices:
		if t.format != tiffUnsigned {
			return nil, unknown
		}
	}
	if len(t.bits) > 1 { // grey or an index, and what is not looked at
		return t.single(each, unknown)
	}
	return t.grey(unknown)
}

// single returns the converter of pixels of 8-bit grey, or of an index, beside which other samples stand.
func (t *tiffFile) single(each func(func(d, s []uint8)) lineConverter, unknown error) (lineConverter, error) {
	switch {
	case len(t.extra) > 0 && t.extra[0] == 1: // grey multiplied by transparency, which Pillow does not convert
		return nil, unknown
	case t.photometric == tiffIndices:
		return each(func(d, s []uint8) { copy(d, t.palette[s[0]][:]) }), nil
	case t.photometric == tiffBlackIsZero:
		return each(greyPixel), nil
	}
	return nil, unknown
}

// divide writes colours that were multiplied by their opacity.
func divide(d []uint8, r, g, b, opacity uint8) {
	for i, v := range [3]uint8{r, g, b} {
		d[i] = 0
		if opacity > 0 {
			d[i] = uint8(min(255, int(v)*255/int(opacity)))
		}
	}
}

// grey returns the converter of pixels of one sample.
func (t *tiffFile) grey(unknown error) (lineConverter, error) {
	bits := t.bits[0]
	switch {
	case bits == 1 || bits == 2 || bits == 4 || bits == 8:
		if t.format == tiffFloat {
			return nil, unknown
		}
		return t.fewBits(), nil
	case t.photometric == tiffIndices:
		return nil, unknown
	case bits == 12 && t.format == tiffUnsigned && t.photometric == tiffBlackIsZero:
		return func(dst, src []uint8) {
			for x := range len(dst) / 3 {
				pair := src[x/2*3:]
				v := int(pair[0])<<4 | int(pair[1])>>4
				if x%2 == 1 {
					v = int(pair[1])&15<<8 | int(pair[2])
				}
				greyPixel(dst[3*x:3*x+3], []uint8{uint8(min(255, v))})
			}
		}, nil
	}
	value := t.largeValue()
	if value == nil || t.photometric == tiffWhiteIsZero && t.format == tiffSigned {
		return nil, unknown
	}
	return func(dst, src []uint8) {
		everyPixel(dst, src, bits/8, func(d, s []uint8) { greyPixel(d, []uint8{cut(value(s))}) })
	}, nil
}

// largeValue returns what reads a sample of 16 or 32 bits, or nil.
func (t *tiffFile) largeValue() func(s []uint8) float64 {
	switch {
	case t.bits[0] == 16 && t.format == tiffUnsigned:
		return func(s []uint8) float64 { return float64(t.order.Uint16(s)) }
	case t.bits[0] == 16 && t.format == tiffSigned:
		return func(s []uint8) float64 { return float64(int16(t.order.Uint16(s))) }
	case t.bits[0] == 32 && (t.format == tiffUnsigned || t.format == tiffSigned):
		return func(s []uint8) float64 { return float64(int32(t.order.Uint32(s))) }
	case t.bits[0] == 32 && t.format == tiffFloat:
		return func(s []uint8) float64 { return float64(math.Float32frombits(t.order.Uint32(s))) }
	}
	return nil
}

// fewBits returns the converter of samples of up to 8 bits, by a table.
func (t *tiffFile) fewBits() lineConverter {
	bits := t.bits[0]
	most := 1<<bits - 1
	var table [256][3]uint8
	for v := range most + 1 {
		switch grey := uint8(v * 255 / most); t.photometric {
		case tiffIndices:
			table[v] = t.palette[v]
		case tiffWhiteIsZero:
			table[v] = [3]uint8{255 - grey, 255 - grey, 255 - grey}
		default:
			table[v] = [3]uint8{grey, grey, grey}
		}
	}
	return func(dst, src []uint8) {
		for x := range len(dst) / 3 {
			v := int(src[x*bits/8]) >> (8 - bits - x*bits%8) & most
			copy(dst[3*x:3*x+3], table[v][:])
		}
	}
}
