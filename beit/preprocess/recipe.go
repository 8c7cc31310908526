package preprocess

import (
	"errors"
	"fmt"
	"image"
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

// MaxSize bounds ResizeTo and Crop, in pixels: recipes come from files.
const MaxSize = 1 << 13

// Recipe is how a picture becomes an input tensor. It is data: it can be stored in a manifest. It
// is safe for concurrent use.
type Recipe struct {
	Resize        Resize        `json:"resize" yaml:"resize"`
	ResizeTo      int           `json:"resize_to" yaml:"resize_to"` // pixels
	Interpolation Interpolation `json:"interpolation" yaml:"interpolation"`
	// Crop is the side of the centre crop in pixels. Where the resized picture is smaller, black is added.
	Crop int `json:"crop" yaml:"crop"`
	// Mean and Std are per channel (red, green, blue) on the scale 0 to 1.
	Mean [3]float64 `json:"mean" yaml:"mean"`
	Std  [3]float64 `json:"std" yaml:"std"`
}

// Validate reports everything that is wrong with the recipe, joined.
func (r Recipe) Validate() error {
	var problems []error
	if r.Resize != ShorterEdge && r.Resize != Squash {
		problems = append(problems, fmt.Errorf("resize is %q, want %q or %q", string(r.Resize), ShorterEdge, Squash))
	}
	if _, ok := filters[r.Interpolation]; !ok {
		problems = append(problems, fmt.Errorf("interpolation is %q, want %q or %q", string(r.Interpolation), Bilinear, Bicubic))
	}
	for _, size := range []struct {
		name   string
		pixels int
	}{{"resize_to", r.ResizeTo}, {"crop", r.Crop}} {
		if size.pixels < 1 || size.pixels > MaxSize {
			problems = append(problems, fmt.Errorf("%s is %d pixels, want 1 to %d", size.name, size.pixels, MaxSize))
		}
	}
	return errors.Join(append(problems, r.validateStatistics()...)...)
}

func (r Recipe) validateStatistics() []error {
	var problems []error
	for c := range 3 {
		if mean := r.Mean[c]; !(mean >= 0 && mean <= 1) {
			problems = append(problems, fmt.Errorf("mean of channel %d is %g, want 0 to 1", c, mean))
		}
		if std := r.Std[c]; !(std >= 1e-3 && std <= 1e3) {
			problems = append(problems, fmt.Errorf("std of channel %d is %g, want 0.001 to 1000", c, std))
		}
	}
	return problems
}

// Pixels resizes and crops img to Crop by Crop pixels, with 8 bits per channel as Pillow does. The
// result is new memory.
func (r Recipe) Pixels(img image.Image) (*RGB8, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	src, err := FromImage(img)
	if err != nil {
		return nil, err
	}
	width, height := r.ResizeTo, r.ResizeTo
	if r.Resize == ShorterEdge {
		width, height = shorterEdge(src.Width, src.Height, r.ResizeTo)
	}
	return resample(src, width, height, r.Interpolation, centreWindow(width, height, r.Crop)), nil
}

// Apply returns the normalised picture, [3, Crop, Crop] in channels red, green, blue, as new memory.
func (r Recipe) Apply(img image.Image) ([]float32, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	tensor := make([]float32, r.Len())
	if err := r.into(tensor, img); err != nil {
		return nil, err
	}
	return tensor, nil
}

// Len is the number of values of one picture, 3 * Crop * Crop.
func (r Recipe) Len() int { return 3 * r.Crop * r.Crop }

func (r Recipe) into(tensor []float32, img image.Image) error {
	pixels, err := r.Pixels(img)
	if err != nil {
		return err
	}
	r.normalise(tensor, pixels)
	return nil
}

// normalise writes [3, H, W] of (sample/255 - mean) / std. Each operation is rounded to float32, as in
// torchvision's ToTensor and Normalize.
func (r Recipe) normalise(tensor []float32, p *RGB8) {
	plane := p.Width * p.Height
	for c := range 3 {
		mean, std := float32(r.Mean[c]), float32(r.Std[c])
		var values [256]float32
		for v := range values {
			values[v] = (float32(v)/255 - mean) / std
		}
		channel := tensor[c*plane : (c+1)*plane]
		for i := range channel {
			channel[i] = values[p.Pix[3*i+c]]
		}
	}
}
