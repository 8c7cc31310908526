package preprocess

import (
	"image"
	"math"

	"github.com/beitzoo/beitzoo/beit/card"
)

// Pixels resizes and crops img to Crop by Crop pixels, with 8 bits per channel, as Pillow does. The result is new memory. An invalid recipe is a
// *[card.RecipeError].
func Pixels(r card.Recipe, img image.Image) (*RGB8, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	src, err := FromImage(img)
	if err != nil {
		return nil, err
	}
	return new(resizer).pixels(r, src), nil
}

// pixels is Pixels for a valid recipe, in the memory of z.
func (z *resizer) pixels(r card.Recipe, src *RGB8) *RGB8 {
	width, height := resized(r, src.Width, src.Height)
	return z.resample(src, width, height, methodOf(r), cropWindow(width, height, r))
}

// Apply returns the image resized, cropped and normalised: [3, Crop, Crop], channels red, green, blue, as new memory. An invalid recipe is a
// *[card.RecipeError].
func Apply(r card.Recipe, img image.Image) ([]float32, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	tensor := make([]float32, r.Len())
	if err := new(resizer).into(tensor, r, img); err != nil {
		return nil, err
	}
	return tensor, nil
}

// into is Apply for a valid recipe with memory for the result, r.Len() values, and in that of z.
func (z *resizer) into(tensor []float32, r card.Recipe, img image.Image) error {
	src, err := FromImage(img)
	if err != nil {
		return err
	}
	normalise(tensor, r, z.pixels(r, src))
	return nil
}

// normalise writes [3, H, W] of (sample/255 - mean) / std, each operation rounded to float32; see normalised.
func normalise(tensor []float32, r card.Recipe, p *RGB8) {
	var values [3][256]float32
	for c := range values {
		for v := range values[c] {
			values[c][v] = normalised(r.Arithmetic, float32(v), float32(r.Mean[c]), float32(r.Std[c]))
		}
	}
	plane := p.Width * p.Height
	red, green, blue := tensor[:plane], tensor[plane:2*plane], tensor[2*plane:3*plane]
	pixels := p.Pix[:3*plane]
	for i := range red {
		pixel := (*[3]uint8)(pixels)
		red[i], green[i], blue[i] = values[0][pixel[0]], values[1][pixel[1]], values[2][pixel[2]]
		pixels = pixels[3:]
	}
}

// normalised returns a sample, 0 to 255, as the input of a model: as torchvision's ToTensor and Normalize compute it, or as the arithmetic says. transformers
// multiplies mean and std by 255 instead of dividing the sample (huggingface/transformers image_processing_backends.py). The conversions forbid fused
// multiply-add.
func normalised(arithmetic card.Arithmetic, sample, mean, std float32) float32 {
	switch arithmetic {
	case card.Tensors:
		return (sample - float32(mean*255)) / float32(std*255)
	case card.MapPixels:
		return float32(float32(0.8)*(sample/255)) + float32(0.1)
	}
	return (sample/255 - mean) / std
}

// Restore returns the picture that a tensor of [Apply] was made of, cropped as it is there: what the model sees. tensor is [3, Crop, Crop].
func Restore(r card.Recipe, tensor []float32) *RGB8 {
	p := NewRGB8(r.Crop, r.Crop)
	plane := r.Crop * r.Crop
	for c := range 3 {
		for i, v := range tensor[c*plane : (c+1)*plane] {
			p.Pix[3*i+c] = uint8(math.Round(min(max(255*(float64(v)*r.Std[c]+r.Mean[c]), 0), 255)))
		}
	}
	return p
}

// resized returns the size to which a recipe resizes a w by h image.
func resized(r card.Recipe, w, h int) (width, height int) {
	if r.Resize == card.ShorterEdge {
		return shorterEdge(w, h, r.ResizeTo)
	}
	return r.ResizeTo, r.ResizeTo
}

// sourceWindow returns the part of a w by h image that a recipe needs.
func sourceWindow(r card.Recipe, w, h int) image.Rectangle {
	width, height := resized(r, w, h)
	visible := cropWindow(width, height, r).Intersect(image.Rect(0, 0, width, height))
	if visible.Empty() {
		return image.Rectangle{}
	}
	m := methodOf(r)
	x := m.source(w, width, span{visible.Min.X, visible.Max.X})
	y := m.source(h, height, span{visible.Min.Y, visible.Max.Y})
	return image.Rect(x.first, y.first, x.last, y.last)
}

// shorterEdge returns the size of a w by h image resized so that its shorter edge is edge pixels.
// The longer edge is truncated, not rounded, as torchvision does.
func shorterEdge(w, h, edge int) (int, int) {
	if w <= h {
		return edge, longer(edge, h, w)
	}
	return longer(edge, w, h), edge
}

func longer(edge, long, short int) int {
	return int(float64(edge*long) / float64(short))
}

// cropWindow returns the square that a recipe crops from a w by h image, in the coordinates of that image. It reaches beyond a smaller image.
func cropWindow(w, h int, r card.Recipe) image.Rectangle {
	x, y := r.CropOffset(w), r.CropOffset(h)
	return image.Rect(x, y, x+r.Crop, y+r.Crop)
}
