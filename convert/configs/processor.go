package configs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/text"
)

// processorName is what messages call the file.
const processorName = "preprocessor_config.json"

// processorFile is the part of a preprocessor_config.json that evaluation depends on, in the order in which transformers sorts the keys.
type processorFile struct {
	CropSize       *edges      `json:"crop_size"`
	DoCenterCrop   *bool       `json:"do_center_crop"`
	DoNormalize    *bool       `json:"do_normalize"`
	DoReduceLabels any         `json:"do_reduce_labels"` // written only: it is about segmentation
	DoRescale      *bool       `json:"do_rescale"`
	DoResize       *bool       `json:"do_resize"`
	Mean           *[3]float64 `json:"image_mean"`
	Type           any         `json:"image_processor_type"` // written only
	Std            *[3]float64 `json:"image_std"`
	Resample       *int        `json:"resample"` // Pillow's number of the filter
	Factor         *float64    `json:"rescale_factor"`
	Size           *edges      `json:"size"`
}

// edges is a size in pixels, written as one number by older versions of transformers and as height and width by newer ones.
type edges struct {
	Height int `json:"height"`
	Width  int `json:"width"`
}

// UnmarshalJSON takes both forms.
func (e *edges) UnmarshalJSON(data []byte) error {
	var number int
	if json.Unmarshal(data, &number) == nil {
		*e = edges{number, number}
		return nil
	}
	var both struct{ Height, Width *int }
	if json.Unmarshal(data, &both) != nil || both.Height == nil || both.Width == nil || *both.Height != *both.Width {
		return errors.New("want one number, or an equal height and width")
	}
	*e = edges{*both.Height, *both.Width}
	return nil
}

// resamples maps the numbers of Pillow's filters.
var resamples = map[int]card.Interpolation{2: card.Bilinear, 3: card.Bicubic}

// ParseProcessor reads the preprocessor_config.json of a Hugging Face folder with a BEiT model. What the file leaves out is an error where versions of
// transformers have different defaults. Whoever applies the recipe computes with Pillow's and torchvision's arithmetic; transformers folds the
// normalisation into one step, which rounds differently in the last bit. An error is a *[FileError].
func ParseProcessor(raw []byte) (card.Recipe, error) {
	var file processorFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return card.Recipe{}, &FileError{processorName, text.JSONError(err)}
	}
	if err := file.check(); err != nil {
		return card.Recipe{}, &FileError{processorName, err}
	}
	recipe := card.Recipe{
		Resize: card.Squash, ResizeTo: file.Size.Height, Crop: file.Size.Height,
		Interpolation: resamples[*file.Resample], Mean: *file.Mean, Std: *file.Std,
	}
	if *file.DoCenterCrop {
		recipe.Crop = file.CropSize.Height
	}
	if err := recipe.Validate(); err != nil {
		return card.Recipe{}, &FileError{processorName, err}
	}
	return recipe, nil
}

// check reports all that is missing or not supported, joined.
func (f processorFile) check() error {
	cropped := f.DoCenterCrop != nil && *f.DoCenterCrop
	off := func(flag *bool) bool { return flag != nil && !*flag }
	var problems []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{f.Size == nil, "size is missing"},
		{f.DoCenterCrop == nil, "do_center_crop is missing"},
		{cropped && f.CropSize == nil, "crop_size is missing"},
		{f.Resample == nil, "resample is missing"},
		{f.Resample != nil && resamples[*f.Resample] == "", "resample is neither 2 (bilinear) nor 3 (bicubic)"},
		{f.Mean == nil, "image_mean is missing"},
		{f.Std == nil, "image_std is missing"},
		{off(f.DoResize), "do_resize is false"},
		{off(f.DoRescale), "do_rescale is false"},
		{off(f.DoNormalize), "do_normalize is false"},
		{f.Factor != nil && !(math.Abs(*f.Factor*255-1) < 1e-6), "rescale_factor is not 1/255"},
	} {
		if rule.broken {
			problems = append(problems, errors.New(rule.text))
		}
	}
	return errors.Join(problems...)
}

// Processor returns the preprocessor_config.json that makes transformers' AutoImageProcessor follow a recipe. A recipe that keeps the aspect ratio can't be
// written: transformers' processor for BEiT squashes.
func Processor(recipe card.Recipe) ([]byte, error) {
	if err := recipe.Validate(); err != nil {
		return nil, err
	}
	if recipe.Resize != card.Squash {
		return nil, fmt.Errorf("%s can only squash images; the recipe's resize is %q", processorName, recipe.Resize)
	}
	to, crop := edges{recipe.ResizeTo, recipe.ResizeTo}, edges{recipe.Crop, recipe.Crop}
	return writeProcessor(recipe, to, crop)
}

// DefaultProcessor returns the preprocessor_config.json of Microsoft's BEiT models on the hub for images of the size that a model takes, square or not.
func DefaultProcessor(config arch.Config) ([]byte, error) {
	recipe, err := card.RecipeFor("hf", config.ImageHeight)
	if err != nil {
		return nil, err
	}
	to := edges{config.ImageHeight, config.ImageWidth}
	return writeProcessor(recipe, to, to)
}

func writeProcessor(recipe card.Recipe, to, crop edges) ([]byte, error) {
	file := processorFile{
		CropSize: &crop, DoCenterCrop: ref(crop != to), DoNormalize: ref(true), DoRescale: ref(true), DoResize: ref(true),
		Mean: &recipe.Mean, DoReduceLabels: false, Type: "BeitImageProcessor", Std: &recipe.Std, Factor: ref(1.0 / 255), Size: &to,
	}
	for number, filter := range resamples {
		if filter == recipe.Interpolation {
			file.Resample = &number
		}
	}
	return indented(file)
}
