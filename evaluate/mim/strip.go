package mim

import (
	"image"
	"image/color"
	"image/draw"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/drawing"
)

const (
	// panelSide is the least side of a panel, in pixels.
	panelSide = 224
	// gap is the space between panels.
	gap = 8
	// hidden is the grey of a masked patch.
	hidden = 128
)

// Mixed returns the tokens of the tokenizer where patches are visible, and those of the masked model where they are masked.
func (s *Seen) Mixed() []int32 {
	mixed := make([]int32, len(s.Tokens))
	for i := range mixed {
		if mixed[i] = s.Tokens[i]; s.Mask[i] {
			mixed[i] = s.Answers[i]
		}
	}
	return mixed
}

// Cover returns a picture in which the masked patches of a window are grey.
func Cover(picture *preprocess.RGB8, mask []bool, height, width int) *preprocess.RGB8 {
	covered := preprocess.NewRGB8(picture.Width, picture.Height)
	copy(covered.Pix, picture.Pix)
	for y := range picture.Height {
		for x := range picture.Width {
			if mask[y*height/picture.Height*width+x*width/picture.Width] {
				at := 3 * (y*picture.Width + x)
				covered.Pix[at], covered.Pix[at+1], covered.Pix[at+2] = hidden, hidden, hidden
			}
		}
	}
	return covered
}

// FromPlanes returns the picture of samples between 0 and 1, [3, height, width].
func FromPlanes(samples []float64, height, width int) *preprocess.RGB8 {
	picture := preprocess.NewRGB8(width, height)
	for i, v := range samples {
		channel, at := i/(height*width), i%(height*width)
		picture.Pix[3*at+channel] = uint8(min(max(v, 0), 1)*255 + 0.5)
	}
	return picture
}

// Strip returns pictures side by side, each enlarged pixel by pixel to the same side.
func Strip(pictures ...*preprocess.RGB8) *image.RGBA {
	side := panelSide
	for _, p := range pictures {
		side = max(side, p.Width, p.Height)
	}
	strip := image.NewRGBA(image.Rect(0, 0, len(pictures)*(side+gap)-gap, side))
	draw.Draw(strip, strip.Rect, image.White, image.Point{}, draw.Src)
	for i, p := range pictures {
		for y := range side {
			for x := range side {
				at := 3 * (y*p.Height/side*p.Width + x*p.Width/side)
				strip.SetRGBA(i*(side+gap)+x, y, color.RGBA{p.Pix[at], p.Pix[at+1], p.Pix[at+2], 0xff})
			}
		}
	}
	return strip
}

// maker is what files of strips are said to be made by.
const maker = "beitzoo reconstruct"

// Encode returns a strip as a PNG file that [IsStrip] recognises.
func Encode(strip image.Image) ([]byte, error) { return drawing.Sign(strip, maker) }

// IsStrip reports whether the file at path is one that [Encode] made. The error is one of the system. It must not be a pipe.
func IsStrip(path string) (bool, error) { return drawing.IsSigned(path, maker) }
