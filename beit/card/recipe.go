package card

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
)

// Resize says which edges a resize fixes.
type Resize string

// The ways to resize.
const (
	// ShorterEdge makes the shorter edge ResizeTo pixels long and keeps the aspect ratio.
	ShorterEdge Resize = "shorter-edge"
	// Squash makes both edges ResizeTo pixels long; the aspect ratio is not kept.
	Squash Resize = "squash"
)

// Interpolation names the reconstruction filter of a resize. All are antialiased: when an image is made smaller, the filter is widened by the scale.
type Interpolation string

// The filters that pipelines of images use.
const (
	Bilinear Interpolation = "bilinear"
	Bicubic  Interpolation = "bicubic"
	Lanczos  Interpolation = "lanczos"
)

// Interpolations lists the filters.
func Interpolations() []Interpolation { return []Interpolation{Bilinear, Bicubic, Lanczos} }

// Arithmetic says with whose numbers images are resized and normalised. The results differ by a grey level in about a thousandth of the samples.
type Arithmetic string

const (
	// Pillow resizes images as python-pillow/Pillow does, with weights of 22 fraction bits, and divides by 255 before it subtracts the mean: so do unilm and
	// timm, torchvision with images of Pillow, and transformers before version 5 and in its classes whose names end in Pil.
	Pillow Arithmetic = ""
	// Tensors resizes as torchvision does with uint8 tensors on processors with AVX2, with weights of 16 bits, and folds the division by 255 into mean and
	// deviation: so do the image processors of transformers from version 5, and those whose names end in Fast.
	Tensors Arithmetic = "torchvision-tensors"
	// MapPixels is [Pillow], but for the last step: a sample is divided by 255, multiplied by 0.8, and 0.1 is added, each in float32: openai/DALL-E
	// dall_e/utils.py, map_pixels. As mean and deviation that is -0.125 and 1.25.
	MapPixels Arithmetic = "openai-map-pixels"
)

// fixed are mean and deviation of arithmetics that have their own.
var fixed = map[Arithmetic][2]float64{MapPixels: {-0.125, 1.25}}

// Orientation says whether images are turned as their files say.
type Orientation string

const (
	// AsStored ignores what a file says of its orientation, as all programs do that evaluate BEiT models. TIFF files are turned nevertheless, since Pillow does
	// that.
	AsStored Orientation = ""
	// Upright turns images as they are to be seen, as transformers' pipelines do.
	Upright Orientation = "upright"
)

// Rounding says on which pixel a crop begins whose margins can't be equal.
type Rounding string

const (
	// HalfEven rounds half a pixel to the even one, as torchvision does, and with it unilm and timm.
	HalfEven Rounding = ""
	// Down leaves the smaller margin in front, as transformers does.
	Down Rounding = "down"
)

// The bounds of a recipe, which may come from a hostile file.
const (
	// MaxSize bounds ResizeTo and Crop, in pixels.
	MaxSize = 1 << 13
	// minStd keeps the division by Std from overflowing. Samples lie between 0 and 1, so a deviation above maxStd is on another scale, such as 0 to 255.
	minStd, maxStd = 1e-3, 1
)

// Recipe says how an image becomes an input tensor: resize, crop the centre, scale to [0, 1], subtract Mean, divide by Std.
type Recipe struct {
	Resize        Resize        `json:"resize" yaml:"resize"`
	ResizeTo      int           `json:"resize_to" yaml:"resize_to"` // pixels
	Interpolation Interpolation `json:"interpolation" yaml:"interpolation"`
	// Crop is the side of the centre crop in pixels. If the resized image is smaller, it is padded with black.
	Crop int `json:"crop" yaml:"crop"`
	// Rounding places the crop where its margins can't be equal.
	Rounding Rounding `json:"crop_rounding,omitempty" yaml:"crop_rounding,omitempty"`
	// Arithmetic says how numbers are rounded on the way.
	Arithmetic Arithmetic `json:"arithmetic,omitempty" yaml:"arithmetic,omitempty"`
	// Orientation says whether images are turned first.
	Orientation Orientation `json:"orientation,omitempty" yaml:"orientation,omitempty"`
	// Mean and Std are per channel (red, green, blue) on the scale 0 to 1.
	Mean [3]float64 `json:"mean" yaml:"mean"`
	Std  [3]float64 `json:"std" yaml:"std"`
}

// Len returns the number of values of one image, 3 * Crop * Crop.
func (r Recipe) Len() int { return 3 * r.Crop * r.Crop }

// Fits reports whether the recipe makes images of the size, and of the channels, that models of an architecture take.
func (r Recipe) Fits(config arch.Config) bool {
	return config.Channels == arch.RGB && r.Crop == config.ImageHeight && r.Crop == config.ImageWidth
}

// CropOffset returns the pixel on which the crop begins on an axis of n pixels. It is negative if the axis is shorter than the crop: then the smaller part of
// the padding is in front, but for transformers with Pillow, where it is the larger part (huggingface/transformers image_transforms.py).
func (r Recipe) CropOffset(n int) int {
	margins := n - r.Crop
	if margins < 0 && r.Rounding == Down && r.Arithmetic != Tensors {
		return (margins - 1) / 2
	}
	if margins < 0 || r.Rounding == Down {
		return margins / 2 // towards zero
	}
	return int(math.RoundToEven(float64(margins) / 2))
}

// RoundingMatters reports whether there are images for which the recipe makes another input with another Rounding.
func (r Recipe) RoundingMatters() bool {
	if r.Resize == ShorterEdge {
		return true // the longer edge can have any length
	}
	down := r
	down.Rounding = Down
	even := r
	even.Rounding = HalfEven
	return down.CropOffset(r.ResizeTo) != even.CropOffset(r.ResizeTo)
}

// Validate returns a *[RecipeError] with everything that is wrong with the recipe, or nil.
func (r Recipe) Validate() error {
	var problems []arch.Problem
	check := func(ok bool, field, format string, args ...any) {
		if !ok {
			problems = append(problems, arch.Problem{Field: field, Reason: fmt.Sprintf(format, args...)})
		}
	}
	for _, choice := range []struct {
		field, value string
		known        []string
	}{
		{"resize", string(r.Resize), []string{string(ShorterEdge), string(Squash)}},
		{"interpolation", string(r.Interpolation), []string{string(Bilinear), string(Bicubic), string(Lanczos)}},
		{"crop_rounding", cmp.Or(string(r.Rounding), string(Down)), []string{string(Down)}},
		{"arithmetic", cmp.Or(string(r.Arithmetic), string(Tensors)), []string{string(Tensors), string(MapPixels)}},
		{"orientation", cmp.Or(string(r.Orientation), string(Upright)), []string{string(Upright)}},
	} {
		check(slices.Contains(choice.known, choice.value), choice.field, "is %.40q; %s", choice.value, suggest.Short(choice.value, choice.known))
	}
	check(r.ResizeTo >= 1 && r.ResizeTo <= MaxSize, "resize_to", "is %d pixels, want 1 to %d", r.ResizeTo, MaxSize)
	check(r.Crop >= 1 && r.Crop <= MaxSize, "crop", "is %d pixels, want 1 to %d", r.Crop, MaxSize)
	for channel := range 3 {
		mean, std := r.Mean[channel], r.Std[channel]
		if own, has := fixed[r.Arithmetic]; has {
			check(mean == own[0] && std == own[1], fmt.Sprintf("mean[%d]", channel), "is %g, and std %g; %s has %g and %g", mean, std, r.Arithmetic, own[0], own[1])
			continue
		}
		check(mean >= 0 && mean <= 1, fmt.Sprintf("mean[%d]", channel), "is %g, want 0 to 1", mean)
		check(std >= minStd && std <= maxStd, fmt.Sprintf("std[%d]", channel), "is %g, want %g to %d", std, minStd, maxStd)
	}
	if len(problems) > 0 {
		return &RecipeError{problems}
	}
	return nil
}

// RecipeError lists everything that is wrong with a recipe.
type RecipeError struct{ Problems []arch.Problem }

func (e *RecipeError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "recipe: " + strings.Join(lines, "\n")
}

// Is reports that the recipe, which comes from a file, is unusable input.
func (e *RecipeError) Is(kind error) bool { return kind == errdef.ErrInput }
