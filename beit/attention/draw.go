package attention

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"github.com/beitzoo/beitzoo/beit/preprocess"
)

const (
	// least is the least side of a panel, in pixels; smaller pictures are repeated pixel by pixel.
	least = 448
	// gap is the space between panels.
	gap = 8
	// cover is how much of the colour is laid over the picture.
	cover = 0.6
)

// Draw returns the picture, as the recipe crops it (see [preprocess.Pixels]), with maps over it: one panel for each map, in rows. Each patch has one colour,
// from dark blue for nothing over green to yellow for the largest value of its map. maps must not be empty.
func Draw(picture *preprocess.RGB8, maps []Map) *image.RGBA {
	scale := max(1, (least+picture.Width-1)/picture.Width)
	width, height := picture.Width*scale, picture.Height*scale
	across := int(math.Ceil(math.Sqrt(float64(len(maps)))))
	down := (len(maps) + across - 1) / across
	drawn := image.NewRGBA(image.Rect(0, 0, across*(width+gap)-gap, down*(height+gap)-gap))
	draw.Draw(drawn, drawn.Rect, image.White, image.Point{}, draw.Src)
	for i, m := range maps {
		panel(drawn, image.Pt(i%across*(width+gap), i/across*(height+gap)), picture, m, scale)
	}
	return drawn
}

// panel draws one map at a place.
func panel(drawn *image.RGBA, at image.Point, picture *preprocess.RGB8, m Map, scale int) {
	largest := 0.0
	for _, v := range m.Values {
		largest = max(largest, v)
	}
	for y := range picture.Height * scale {
		for x := range picture.Width * scale {
			px, py := x/scale, y/scale
			value := m.Values[py*m.Height/picture.Height*m.Width+px*m.Width/picture.Width]
			if largest > 0 {
				value /= largest
			}
			hue, i := colourOf(value), 3*(py*picture.Width+px)
			mix := func(c uint8, over float64) uint8 { return uint8(math.Round((1-cover)*float64(c) + cover*over)) }
			drawn.SetRGBA(at.X+x, at.Y+y, color.RGBA{
				mix(picture.Pix[i], hue[0]), mix(picture.Pix[i+1], hue[1]), mix(picture.Pix[i+2], hue[2]), 0xff,
			})
		}
	}
}

// stops are colours of equal distance, which grow lighter from each to the next: they can be told apart without seeing red or green.
var stops = [][3]float64{{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}

// colourOf returns red, green and blue, 0 to 255, of a value between 0 and 1.
func colourOf(value float64) [3]float64 {
	at := min(max(value, 0), 1) * float64(len(stops)-1)
	i := min(int(at), len(stops)-2)
	var mixed [3]float64
	for c := range mixed {
		mixed[c] = stops[i][c] + (stops[i+1][c]-stops[i][c])*(at-float64(i))
	}
	return mixed
}
