package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
)

// photo returns a smooth image with some detail, which compresses like a photograph.
func photo(width, height int) *RGB8 {
	p := noise(width, height)
	for i := range p.Pix {
		x, y := float64(i/3%width), float64(i/3/width)
		p.Pix[i] = p.Pix[i]/16 + uint8(110*(1+math.Sin(x/97+float64(i%3))*math.Cos(y/61)))
	}
	return p
}

// perMegapixel reports the time for each million source pixels.
func perMegapixel(b *testing.B, p image.Rectangle) {
	pixels := float64(p.Dx()) * float64(p.Dy()) * float64(b.N)
	b.ReportMetric(b.Elapsed().Seconds()*1e9/pixels, "ms/Mpixel")
}

func BenchmarkPixels(b *testing.B) {
	for _, size := range []image.Point{{X: 500, Y: 375}, {X: 4000, Y: 3000}} {
		src := photo(size.X, size.Y)
		for _, source := range []string{"timm", "hf"} {
			b.Run(source+"/"+size.String(), func(b *testing.B) {
				recipe, err := card.RecipeFor(source, 224)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := Pixels(recipe, src); err != nil {
						b.Fatal(err)
					}
				}
				perMegapixel(b, src.Bounds())
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	src := photo(4000, 3000)
	opaque := image.NewRGBA(src.Bounds())
	for y := range src.Height {
		for x := range src.Width {
			opaque.SetRGBA(x, y, src.At(x, y).(color.RGBA))
		}
	}
	var asJPEG, asPNG bytes.Buffer
	if err := jpeg.Encode(&asJPEG, opaque, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&asPNG, opaque); err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"jpeg": asJPEG.Bytes(), "png": asPNG.Bytes()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(bytes.NewReader(data)); err != nil {
					b.Fatal(err)
				}
			}
			perMegapixel(b, src.Bounds())
		})
	}
}
