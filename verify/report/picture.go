package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify"
)

// picture is a sample on a page.
type picture struct {
	Image   int
	Differs bool
	// Source is a PNG as an address; empty if the channels are not those of a picture.
	Source        template.URL
	Width, Height int
	// Grey says that red, green and blue are equal everywhere.
	Grey bool
	// Rows are the most probable classes of both sides, by rank.
	Rows []rank
}

// rank is what both sides have at a rank; a side may have nothing there.
type rank struct{ Got, Want *score }

type score struct {
	verify.Score
	Label string
	// Other says that the other side has another class at this rank.
	Other bool
}

// Width returns the length of the bar, of 100.
func (s *score) Width() float64 { return 100 * s.Probability }

// pictureSide is the largest width and height of a picture, in pixels.
const pictureSide = 112

func newPicture(s verify.Sample, page Page) (picture, error) {
	p := picture{Image: s.Image, Differs: s.Differs()}
	for i := range max(len(s.Got), len(s.Want)) {
		row := rank{Got: scoreAt(s.Got, i, page.Labels), Want: scoreAt(s.Want, i, page.Labels)}
		if row.Got != nil && row.Want != nil && row.Got.Class != row.Want.Class {
			row.Got.Other, row.Want.Other = true, true
		}
		p.Rows = append(p.Rows, row)
	}
	shown := render(s, page.Recipe)
	if shown == nil {
		return p, nil
	}
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, shown); err != nil {
		return p, fmt.Errorf("the picture of image %d: %w", s.Image, err)
	}
	p.Source = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes()))
	p.Width, p.Height = shown.Bounds().Dx(), shown.Bounds().Dy()
	_, p.Grey = shown.(*image.Gray)
	return p, nil
}

// longestLabel is the number of bytes of the name of a class in a picture's table.
const longestLabel = 60

func scoreAt(scores []verify.Score, i int, labels []string) *score {
	if i >= len(scores) {
		return nil
	}
	return &score{Score: scores[i], Label: text.Shorten(labelOf(scores[i].Class, labels), longestLabel)}
}

// render returns a sample as a picture, made smaller by a whole factor if it is large, or nil if it has neither one nor three channels. It is an *image.Gray if
// it has no colours.
func render(s verify.Sample, recipe *card.Recipe) image.Image {
	if s.Height < 1 || s.Width < 1 || s.Channels != 1 && s.Channels != 3 || len(s.Pixels) != s.Channels*s.Height*s.Width {
		return nil
	}
	factor := (max(s.Height, s.Width) + pictureSide - 1) / pictureSide
	height, width := (s.Height+factor-1)/factor, (s.Width+factor-1)/factor
	undo := denormaliser(s, recipe)
	coloured, grey := image.NewNRGBA(image.Rect(0, 0, width, height)), image.NewGray(image.Rect(0, 0, width, height))
	isGrey := true
	for y := range height {
		for x := range width {
			var value [3]uint8
			for channel := range 3 {
				from := min(channel, s.Channels-1)
				value[channel] = undo(from, mean(s, from, y*factor, x*factor, factor))
			}
			isGrey = isGrey && value[0] == value[1] && value[1] == value[2]
			coloured.SetNRGBA(x, y, color.NRGBA{value[0], value[1], value[2], 0xff})
			grey.SetGray(x, y, color.Gray{Y: value[0]})
		}
	}
	if isGrey {
		return grey
	}
	return coloured
}

// mean returns the mean of a square of a channel, as far as it is inside.
func mean(s verify.Sample, channel, top, left, side int) float64 {
	sum, count := 0.0, 0
	for y := top; y < min(top+side, s.Height); y++ {
		for x := left; x < min(left+side, s.Width); x++ {
			sum += float64(s.Pixels[(channel*s.Height+y)*s.Width+x])
			count++
		}
	}
	return sum / float64(count)
}

// denormaliser returns the function from a value of a channel to the brightness in a picture. Without a recipe the smallest value becomes black, and the largest
// white.
func denormaliser(s verify.Sample, recipe *card.Recipe) func(channel int, value float64) uint8 {
	scale := func(channel int, value float64) float64 { return value*recipe.Std[channel] + recipe.Mean[channel] }
	if recipe == nil {
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range s.Pixels {
			if v := float64(v); !math.IsInf(v, 0) && !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
		scale = func(_ int, value float64) float64 { return (value - low) / max(high-low, math.SmallestNonzeroFloat32) }
	}
	return func(channel int, value float64) uint8 {
		scaled := 255 * scale(channel, value)
		if math.IsNaN(scaled) {
			return 0
		}
		return uint8(math.Round(min(255, max(0, scaled))))
	}
}
