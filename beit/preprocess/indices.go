package preprocess

import (
	"bytes"
	"fmt"
	"image"
	"io"
)

// Indices has a number for each pixel of a picture, such as that of a class.
type Indices struct {
	Width, Height int
	// Values are row by row. They belong to the caller.
	Values []uint8
}

// DecodeIndices reads a PNG file whose samples are numbers: 8 bits grey, a palette, of which the numbers count and not the colours, or 1 bit. That is how Pillow
// and NumPy read it, and with them open-mmlab/mmcv (mmcv/image/io.py, the flag "unchanged"). Of grey with 2 or 4 bits Pillow spreads the numbers over 0 to 255, and of
// 16 bits mmcv drops the upper half, so these and colours are a *[jpeg.UnsupportedError]. Other errors are those of [Decode].
func DecodeIndices(r io.Reader) (*Indices, error) {
	f, data, err := limits{MaxFileBytes, MaxPixels}.read(r, new(bytes.Buffer))
	if err != nil {
		return nil, err
	}
	if f.magic != pngMagic {
		return nil, unsupported("%s for numbers of classes, which have to be PNG,", f.name)
	}
	one := uint8(1)
	f.decode = func(data []byte) (*RGB8, error) {
		p := &pngFile{}
		if err := p.header(data); err != nil {
			return nil, err
		}
		if p.colour == pngGrey && p.depth == 1 {
			one = 255
		}
		if kind := p.notIndices(); kind != "" {
			return nil, unsupported("PNG with %s, not numbers of classes,", kind)
		}
		if err := p.chunks(data); err != nil {
			return nil, err
		}
		for i := range p.palette {
			p.palette[i] = [3]uint8{uint8(i), uint8(i), uint8(i)}
		}
		return p.decode()
	}
	decoded, err := f.checked(data, MaxPixels)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", f.name, err)
	}
	found := &Indices{Width: decoded.Width, Height: decoded.Height, Values: make([]uint8, decoded.Width*decoded.Height)}
	for i := range found.Values {
		found.Values[i] = decoded.Pix[3*i] / one
	}
	return found, nil
}

// notIndices returns what the samples are if they are not numbers, or "".
func (p *pngFile) notIndices() string {
	switch {
	case p.colour != pngGrey && p.colour != pngPalette:
		return "colours"
	case p.colour == pngGrey && (p.depth == 2 || p.depth == 4 || p.depth == 16):
		return fmt.Sprintf("grey of %d bits", p.depth)
	}
	return ""
}

// DecodeSize returns the size of the picture that [Decode] makes of a file, or, if upright, [DecodeUpright], without decoding it. The errors are those of Decode.
func DecodeSize(r io.Reader, upright bool) (image.Point, error) {
	f, data, err := limits{MaxFileBytes, MaxPixels}.read(r, new(bytes.Buffer))
	if err != nil {
		return image.Point{}, err
	}
	config, err := f.config(data)
	if err != nil {
		return image.Point{}, fmt.Errorf("decode %s: %w", f.name, err)
	}
	size := image.Pt(config.Width, config.Height)
	if upright && f.exif != nil && f.exif(data).orientation() >= 5 {
		size = image.Pt(size.Y, size.X)
	}
	return size, nil
}
