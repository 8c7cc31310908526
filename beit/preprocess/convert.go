package preprocess

import (
	"fmt"
	"image"
	"image/color"

	"github.com/beitzoo/beitzoo/beit/preprocess/jpeg"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// FromImage converts a decoded image to RGB as Pillow's convert("RGB") does: alpha is dropped,
// not blended; grey is repeated; CMYK uses Pillow's rounding; of 16-bit colour channels the high byte is
// kept, while 16-bit grey saturates at 255. An [image.YCbCr] is assumed to come from a JPEG file and converted as
// libjpeg does. A *[RGB8] is returned as it is; anything else is copied. An empty image is an error.
func FromImage(img image.Image) (*RGB8, error) {
	bounds := img.Bounds()
	if bounds.Empty() {
		return nil, fmt.Errorf("image is empty: %d x %d pixels", bounds.Dx(), bounds.Dy())
	}
	switch m := img.(type) {
	case *RGB8:
		return m, nil
	case *image.YCbCr:
		return opaque(jpeg.FromYCbCr(m)), nil
	}
	dst := NewRGB8(bounds.Dx(), bounds.Dy())
	fill := lineFiller(img)
	parallel.Ranges(dst.Height, dst.Width, func(lo, hi int) {
		for y := lo; y < hi; y++ {
			fill(dst.row(y), y)
		}
	})
	return dst, nil
}

// lineFiller returns the function that converts line y (from 0) of img into dst, [Width, 3].
func lineFiller(img image.Image) func(dst []uint8, y int) {
	switch m := img.(type) {
	case *image.Gray:
		return func(dst []uint8, y int) { everyPixel(dst, m.Pix[y*m.Stride:], 1, greyPixel) }
	case *image.Gray16:
		return func(dst []uint8, y int) { everyPixel(dst, m.Pix[y*m.Stride:], 2, grey16Pixel) }
	case *image.NRGBA:
		return func(dst []uint8, y int) { everyPixel(dst, m.Pix[y*m.Stride:], 4, rgbPixel) }
	case *image.NRGBA64:
		return func(dst []uint8, y int) { everyPixel(dst, m.Pix[y*m.Stride:], 8, rgb64Pixel) }
	case *image.CMYK:
		return func(dst []uint8, y int) { everyPixel(dst, m.Pix[y*m.Stride:], 4, cmykPixel) }
	case *image.RGBA:
		if m.Opaque() { // otherwise the colours are multiplied by alpha
			return func(dst []uint8, y int) { everyPixel(dst, m.Pix[y*m.Stride:], 4, rgbPixel) }
		}
	case *image.RGBA64:
		if m.Opaque() {
			return func(dst []uint8, y int) { everyPixel(dst, m.Pix[y*m.Stride:], 8, rgb64Pixel) }
		}
	case *image.Paletted:
		colours := opaquePalette(m.Palette)
		return func(dst []uint8, y int) {
			everyPixel(dst, m.Pix[y*m.Stride:], 1, func(d, s []uint8) { copy(d, colours[s[0]][:]) })
		}
	}
	return func(dst []uint8, y int) { anyLine(dst, img, y) }
}

// everyPixel applies convert to each pixel of a line; a pixel of src has size bytes.
func everyPixel(dst, src []uint8, size int, convert func(dst, src []uint8)) {
	for len(dst) > 0 {
		convert(dst[:3:3], src[:size:size])
		dst, src = dst[3:], src[size:]
	}
}

func greyPixel(d, s []uint8) { d[0], d[1], d[2] = s[0], s[0], s[0] }

func rgbPixel(d, s []uint8) { d[0], d[1], d[2] = s[0], s[1], s[2] }

func rgb64Pixel(d, s []uint8) { d[0], d[1], d[2] = s[0], s[2], s[4] }

// grey16Pixel saturates: Pillow clips its mode I;16, it does not scale it.
func grey16Pixel(d, s []uint8) {
	v := s[1]
	if s[0] != 0 {
		v = 255
	}
	d[0], d[1], d[2] = v, v, v
}

// cmykPixel subtracts black from white, and from the rest the fraction that each ink absorbs.
func cmykPixel(d, s []uint8) {
	light := 255 - uint32(s[3])
	for c := range 3 {
		t := uint32(s[c])*light + 128
		d[c] = uint8(max(0, int32(light)-int32((t>>8+t)>>8)))
	}
}

// opaquePalette lists the palette's colours without their alpha, as many as an index can name.
func opaquePalette(palette color.Palette) *[256][3]uint8 {
	var colours [256][3]uint8
	for i, c := range palette[:min(len(palette), 256)] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		colours[i] = [3]uint8{n.R, n.G, n.B}
	}
	return &colours
}

// anyLine converts a line of an image of any type.
func anyLine(dst []uint8, img image.Image, y int) {
	bounds := img.Bounds()
	for x := range bounds.Dx() {
		n := color.NRGBAModel.Convert(img.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.NRGBA)
		dst[3*x], dst[3*x+1], dst[3*x+2] = n.R, n.G, n.B
	}
}
