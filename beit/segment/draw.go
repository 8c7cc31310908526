package segment

import (
	"image"
	"image/color"
	"math"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/drawing"
)

// maker is what files of maps are said to be made by.
const maker = "beitzoo segment"

// Palette returns colours for classes: those that are given, and for the others colours that are far apart, the same for the same number of a class.
func Palette(given []card.Colour, classes int) []color.RGBA {
	all := make([]color.RGBA, classes)
	for i := range all {
		if i < len(given) {
			c := given[i]
			all[i] = color.RGBA{R: uint8(c[0]), G: uint8(c[1]), B: uint8(c[2]), A: 0xff}
		} else {
			all[i] = spread(i)
		}
	}
	return all
}

// goldenAngle is the part of the circle of hues from one class to the next.
const goldenAngle = 0.6180339887498949

// spread returns a colour for a number: hues a golden angle apart, in three brightnesses.
func spread(i int) color.RGBA {
	_, turn := math.Modf(float64(i) * goldenAngle)
	value := 255 * (1 - 0.22*float64(i%3))
	channel := func(shift float64) uint8 {
		_, at := math.Modf(turn + shift)
		return uint8(value * min(1, max(0.15, math.Abs(6*at-3)-1)))
	}
	return color.RGBA{R: channel(0), G: channel(2. / 3), B: channel(1. / 3), A: 0xff}
}

// mostIndexed is how many classes a PNG with a palette can tell.
const mostIndexed = 256

// Image returns the map as a picture whose samples are the numbers of classes: with the palette if it has at most 256 classes, else 16 bits grey, which numbers above
// 65,535 do not fit.
func (m *Map) Image(palette []color.RGBA) image.Image {
	bounds := image.Rect(0, 0, m.Width, m.Height)
	if len(palette) > mostIndexed {
		grey := image.NewGray16(bounds)
		for i, class := range m.Classes {
			grey.SetGray16(i%m.Width, i/m.Width, color.Gray16{Y: uint16(class)})
		}
		return grey
	}
	colours := make(color.Palette, len(palette))
	for i, c := range palette {
		colours[i] = c
	}
	indexed := image.NewPaletted(bounds, colours)
	for i, class := range m.Classes {
		indexed.Pix[i] = uint8(class)
	}
	return indexed
}

// Overlay returns the picture, of the size of the map, with the colours of the classes over it.
func (m *Map) Overlay(p *preprocess.RGB8, palette []color.RGBA) *preprocess.RGB8 {
	out := preprocess.NewRGB8(p.Width, p.Height)
	for i, class := range m.Classes {
		c := palette[class]
		for k, v := range [3]uint8{c.R, c.G, c.B} {
			out.Pix[3*i+k] = uint8((int(p.Pix[3*i+k]) + int(v)) / 2)
		}
	}
	return out
}

// Areas returns how many pixels each class has.
func (m *Map) Areas(classes int) []int {
	areas := make([]int, classes)
	for _, class := range m.Classes {
		areas[class]++
	}
	return areas
}

// Encode returns a map or an overlay as a PNG file that says what made it, and of which picture.
func Encode(drawn image.Image, picture string) ([]byte, error) {
	return drawing.Encode(drawn, maker, picture)
}

// ReadSource returns the picture of which the file at path is a map or an overlay; own is false if [Encode] did not make it. The error is one of the system. It must
// not be a pipe.
func ReadSource(path string) (picture string, own bool, err error) {
	return drawing.ReadSource(path, maker)
}
