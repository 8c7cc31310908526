package augment

import (
	"image"
	"math"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/random"
)

// Crop says which parts of pictures are taken: rectangles of a random size and shape.
type Crop struct {
	// Area has the smallest and the largest share of the area of the picture, Aspect those of width to height.
	Area, Aspect [2]float64
}

// UsualCrop returns the parts that unilm and timm take: 8 to 100 % of the area, 3:4 to 4:3.
func UsualCrop() Crop { return Crop{Area: [2]float64{0.08, 1}, Aspect: [2]float64{3.0 / 4, 4.0 / 3}} }

// attempts is how often a rectangle that does not fit is drawn again.
const attempts = 10

// Draw returns a rectangle of a picture, as RandomResizedCropAndInterpolation of timm draws it, though by other random numbers: where none fits, the middle of the
// picture, as much of it as the shapes allow.
func (c Crop) Draw(width, height int, r *random.Stream) image.Rectangle {
	for range attempts {
		w, h := drawBox(float64(width*height), c.Area, c.Aspect, r)
		if w <= width && h <= height {
			y, x := r.Below(height-h+1), r.Below(width-w+1)
			return image.Rect(x, y, x+w, y+h)
		}
	}
	w, h := width, height
	switch ratio := float64(width) / float64(height); {
	case ratio < c.Aspect[0]:
		h = int(math.RoundToEven(float64(w) / c.Aspect[0]))
	case ratio > c.Aspect[1]:
		w = int(math.RoundToEven(float64(h) * c.Aspect[1]))
	}
	x, y := (width-w)/2, (height-h)/2
	return image.Rect(x, y, x+w, y+h)
}

// drawBox draws the size of a rectangle by its share of an area, and by its aspect, width to height, whose logarithm is uniform.
func drawBox(area float64, share, aspect [2]float64, r *random.Stream) (width, height int) {
	target := r.Between(share[0], share[1]) * area
	ratio := math.Exp(r.Between(math.Log(aspect[0]), math.Log(aspect[1])))
	return int(math.RoundToEven(math.Sqrt(target * ratio))), int(math.RoundToEven(math.Sqrt(target / ratio)))
}

// Cropped returns the part of a picture inside a rectangle, which must lie in it, as new memory.
func Cropped(p *preprocess.RGB8, part image.Rectangle) *preprocess.RGB8 {
	out := preprocess.NewRGB8(part.Dx(), part.Dy())
	for y := range part.Dy() {
		from := 3 * ((part.Min.Y+y)*p.Width + part.Min.X)
		copy(out.Pix[3*y*part.Dx():3*(y+1)*part.Dx()], p.Pix[from:])
	}
	return out
}

// ResizedCrop returns the part of a picture inside a rectangle, resized to the square of a recipe, as torchvision's resized_crop of a Pillow image. An invalid recipe is a
// *[card.RecipeError].
func ResizedCrop(p *preprocess.RGB8, part image.Rectangle, r card.Recipe) (*preprocess.RGB8, error) {
	return preprocess.Pixels(squashed(r), Cropped(p, part))
}

// squashed returns a recipe that resizes any picture to its square, and is the same otherwise.
func squashed(r card.Recipe) card.Recipe {
	r.Resize, r.ResizeTo = card.Squash, r.Crop
	return r
}
