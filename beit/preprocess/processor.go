package preprocess

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// processorConfig is the part of a Hugging Face preprocessor_config.json that evaluation depends on.
type processorConfig struct {
	DoResize     *bool       `json:"do_resize"`
	DoCenterCrop *bool       `json:"do_center_crop"`
	DoRescale    *bool       `json:"do_rescale"`
	DoNormalize  *bool       `json:"do_normalize"`
	Size         *side       `json:"size"`
	CropSize     *side       `json:"crop_size"`
	Resample     *int        `json:"resample"` // Pillow's number of the filter
	Factor       *float64    `json:"rescale_factor"`
	Mean         *[3]float64 `json:"image_mean"`
	Std          *[3]float64 `json:"image_std"`
}

// side is a square, written as one number by older versions of transformers and as height and width by newer ones.
type side int

func (s *side) UnmarshalJSON(data []byte) error {
	var number int
	if json.Unmarshal(data, &number) == nil {
		*s = side(number)
		return nil
	}
	var edges struct{ Height, Width *int }
	if err := json.Unmarshal(data, &edges); err != nil {
		return err
	}
	if edges.Height == nil || edges.Width == nil || *edges.Height != *edges.Width {
		return errors.New("want one number, or an equal height and width")
	}
	*s = side(*edges.Height)
	return nil
}

// resamples maps the numbers of Pillow's filters.
var resamples = map[int]Interpolation{2: Bilinear, 3: Bicubic}

// ParseProcessorConfig reads the preprocessor_config.json of a Hugging Face folder with a BEiT model. What the file leaves out is an
// error where versions of transformers have different defaults. The recipe computes with Pillow's and
// torchvision's arithmetic; transformers folds the normalisation into one step, which rounds otherwise in the last bit.
func ParseProcessorConfig(data []byte) (Recipe, error) {
	var c processorConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return Recipe{}, fmt.Errorf("preprocessor config: %w", err)
	}
	if err := c.check(); err != nil {
		return Recipe{}, fmt.Errorf("preprocessor config: %w", err)
	}
	recipe := Recipe{
		Resize: Squash, ResizeTo: int(*c.Size), Crop: int(*c.Size),
		Interpolation: resamples[*c.Resample], Mean: *c.Mean, Std: *c.Std,
	}
	if *c.DoCenterCrop {
		recipe.Crop = int(*c.CropSize)
	}
	if err := recipe.Validate(); err != nil {
		return Recipe{}, fmt.Errorf("preprocessor config: %w", err)
	}
	return recipe, nil
}

// check reports all that is missing or not supported, joined.
func (c processorConfig) check() error {
	cropped := c.DoCenterCrop != nil && *c.DoCenterCrop
	off := func(flag *bool) bool { return flag != nil && !*flag }
	var problems []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{c.Size == nil, "size is missing"},
		{c.DoCenterCrop == nil, "do_center_crop is missing"},
		{cropped && c.CropSize == nil, "crop_size is missing"},
		{c.Resample == nil, "resample is missing"},
		{c.Resample != nil && resamples[*c.Resample] == "", "resample is neither 2 (bilinear) nor 3 (bicubic)"},
		{c.Mean == nil, "image_mean is missing"},
		{c.Std == nil, "image_std is missing"},
		{off(c.DoResize), "do_resize is false"},
		{off(c.DoRescale), "do_rescale is false"},
		{off(c.DoNormalize), "do_normalize is false"},
		{c.Factor != nil && !(math.Abs(*c.Factor*255-1) < 1e-6), "rescale_factor is not 1/255"},
	} {
		if rule.broken {
			problems = append(problems, errors.New(rule.text))
		}
	}
	return errors.Join(problems...)
}
