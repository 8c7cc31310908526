package preprocess

import (
	"image"
	"image/color"
)

// RGB8 is an opaque image of 8 bits per channel. It is an [image.Image], so it can be encoded or drawn.
type RGB8 struct {
	Width, Height int
	// Pix holds [Height, Width, 3] samples in the order red, green, blue, without padding. The RGB8 owns it.
	Pix []uint8
}

var _ image.Image = (*RGB8)(nil)

// NewRGB8 returns a black image of width by height pixels.
func NewRGB8(width, height int) *RGB8 {
	return &RGB8{Width: width, Height: height, Pix: make([]uint8, 3*width*height)}
}

// ColorModel is part of [image.Image].
func (*RGB8) ColorModel() color.Model { return color.RGBAModel }

// Bounds is part of [image.Image]; the origin is (0, 0).
func (p *RGB8) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// At is part of [image.Image]. Pixels outside the bounds are transparent black.
func (p *RGB8) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}).In(p.Bounds()) {
		return color.RGBA{}
	}
	i := 3 * (y*p.Width + x)
	return color.RGBA{R: p.Pix[i], G: p.Pix[i+1], B: p.Pix[i+2], A: 0xff}
}

// row returns the samples of line y, [Width, 3]: a view, not a copy.
func (p *RGB8) row(y int) []uint8 {
	n := 3 * p.Width
	return p.Pix[y*n : (y+1)*n : (y+1)*n]
}
