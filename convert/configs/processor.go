package configs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/text"
)

// processorName is what messages call the file.
const processorName = "preprocessor_config.json"

// processorFile is the part of a preprocessor_config.json that evaluation depends on, in the order in which transformers sorts the keys.
type processorFile struct {
	CropSize       *edges      `json:"crop_size"`
	DoCenterCrop   *bool       `json:"do_center_crop"`
	DoConvertRGB   *bool       `json:"do_convert_rgb,omitempty"` // written only: beitzoo always does
	DoNormalize    *bool       `json:"do_normalize"`
	DoReduceLabels any         `json:"do_reduce_labels,omitempty"` // written only: it is about segmentation
	DoRescale      *bool       `json:"do_rescale"`
	DoResize       *bool       `json:"do_resize"`
	Mean           *[3]float64 `json:"image_mean"`
	Type           any         `json:"image_processor_type"`
	Extractor      any         `json:"feature_extractor_type,omitempty"` // the old name, read only
	Std            *[3]float64 `json:"image_std"`
	Resample       *int        `json:"resample"` // Pillow's number of the filter
	Factor         *float64    `json:"rescale_factor"`
	Size           *edges      `json:"size"`
}

// edges is a size in pixels, written as one number by older versions of transformers and as height and width by newer ones, or as the shorter edge alone, by
// which an image keeps its aspect ratio.
type edges struct {
	Height   int `json:"height,omitempty"`
	Width    int `json:"width,omitempty"`
	Shortest int `json:"shortest_edge,omitempty"`
}

// UnmarshalJSON takes both forms.
func (e *edges) UnmarshalJSON(data []byte) error {
	var number int
	if json.Unmarshal(data, &number) == nil {
		*e = edges{Height: number, Width: number}
		return nil
	}
	var size struct {
		Height, Width *int
		Shortest      *int `json:"shortest_edge"`
	}
	switch err := json.Unmarshal(data, &size); {
	case err == nil && size.Shortest != nil && size.Height == nil && size.Width == nil:
		*e = edges{Shortest: *size.Shortest}
	case err == nil && size.Shortest == nil && size.Height != nil && size.Width != nil && *size.Height == *size.Width:
		*e = edges{Height: *size.Height, Width: *size.Width}
	default:
		return errors.New("want one number, an equal height and width, or the shortest edge")
	}
	return nil
}

// resamples maps the numbers of Pillow's filters.
var resamples = map[int]card.Interpolation{1: card.Lanczos, 2: card.Bilinear, 3: card.Bicubic}

// ParseProcessor reads the preprocessor_config.json of a Hugging Face folder with a BEiT model. What the file leaves out is an error where versions of
// transformers have different defaults. A class whose name ends in Fast means the arithmetic of torchvision's tensors, and any other Pillow's: a name such as
// BeitImageProcessor has meant that of tensors only since version 5 of transformers, and the published weights are older. An error is a *[FileError].
func ParseProcessor(raw []byte) (card.Recipe, error) {
	var file processorFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return card.Recipe{}, &FileError{File: processorName, Err: text.JSONError(err), Advice: "get the file again, or state another recipe by its name or in a file"}
	}
	if err := file.check(); err != nil {
		return card.Recipe{}, unusable(processorName, err)
	}
	recipe := card.Recipe{
		Resize: card.Squash, ResizeTo: file.Size.Height, Crop: file.Size.Height,
		Interpolation: resamples[*file.Resample], Mean: *file.Mean, Std: *file.Std,
	}
	if file.Size.Shortest > 0 {
		recipe.Resize, recipe.ResizeTo = card.ShorterEdge, file.Size.Shortest
	}
	if *file.DoCenterCrop {
		recipe.Crop = file.CropSize.Height
	}
	if kind, _ := file.Type.(string); strings.HasSuffix(kind, fast) {
		recipe.Arithmetic = card.Tensors
	}
	if recipe.RoundingMatters() {
		recipe.Rounding = card.Down
	}
	if err := recipe.Validate(); err != nil {
		return card.Recipe{}, unusable(processorName, err)
	}
	return recipe, nil
}

// fast is how the name of a class ends that computes with torchvision's tensors, and pil that of one that computes with Pillow's images.
const fast, pil = "Fast", "Pil"

// shorterEdgeTypes are the image processors of transformers that resize by the shorter edge and then crop the centre. The first one is written.
var shorterEdgeTypes = []string{"CLIPImageProcessor", "BitImageProcessor"}

// knownTypes are the image processors of transformers, and what they were called before, that do what the keys of the file say and no more. Others, such as
// ConvNextImageProcessor, read the same keys otherwise.
var knownTypes = []string{"Beit", "ViT", "DeiT", "CLIP", "Bit"}

// isKnown reports whether a file names one of knownTypes, in whatever version, or none.
func isKnown(kind any) bool {
	name, isName := kind.(string)
	for _, ending := range []string{fast, pil, "ImageProcessor", "FeatureExtractor"} {
		name = strings.TrimSuffix(name, ending)
	}
	return kind == nil || isName && slices.Contains(knownTypes, name)
}

// takesShorterEdge reports whether a processor is one of shorterEdgeTypes, whatever it computes with.
func takesShorterEdge(kind string) bool {
	return slices.Contains(shorterEdgeTypes, strings.TrimSuffix(strings.TrimSuffix(kind, fast), pil))
}

// orUnnamed returns the name of an image processor for messages.
func orUnnamed(kind string) string {
	if kind == "" {
		return "a processor without image_processor_type"
	}
	return fmt.Sprintf("%.60q", kind)
}

// check reports all that is missing or not supported, joined.
func (f processorFile) check() error {
	cropped := f.DoCenterCrop != nil && *f.DoCenterCrop
	keepsRatio := f.Size != nil && f.Size.Shortest > 0
	kind, _ := f.Type.(string)
	off := func(flag *bool) bool { return flag != nil && !*flag }
	var problems []error
	for _, stated := range []any{f.Type, f.Extractor} {
		if !isKnown(stated) {
			problems = append(problems, fmt.Errorf("beitzoo does not know what the image processor %.60q does", fmt.Sprint(stated)))
		}
	}
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{f.Size == nil, "size is missing"},
		{f.DoCenterCrop == nil, "do_center_crop is missing"},
		{cropped && f.CropSize == nil, "crop_size is missing"},
		{cropped && f.CropSize != nil && f.CropSize.Shortest > 0, "crop_size is not a height and a width"},
		{keepsRatio && !cropped, "size is the shorter edge alone and do_center_crop is false, so images differ in size"},
		{keepsRatio && !takesShorterEdge(kind), "size is the shorter edge alone, which " + orUnnamed(kind) + " does not take"},
		{f.Resample == nil, "resample is missing"},
		{f.Resample != nil && resamples[*f.Resample] == "", "resample is none of 1 (Lanczos), 2 (bilinear) and 3 (bicubic)"},
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

// Processor returns the preprocessor_config.json that makes transformers' AutoImageProcessor follow a recipe: BeitImageProcessor for one that squashes, and
// CLIPImageProcessor, which is the same but for that, for one that keeps the aspect ratio. Both round as [card.Down] says, whatever the recipe says. The error is a
// *[card.RecipeError]. The arithmetic of tensors is written as a class whose name ends in Fast; Pillow's as one that computes with Pillow in
// transformers before version 5, which alone all versions know.
func Processor(recipe card.Recipe) ([]byte, error) {
	if err := recipe.Validate(); err != nil {
		return nil, err
	}
	to, crop := edges{Height: recipe.ResizeTo, Width: recipe.ResizeTo}, edges{Height: recipe.Crop, Width: recipe.Crop}
	if recipe.Resize == card.ShorterEdge {
		to = edges{Shortest: recipe.ResizeTo}
	}
	return writeProcessor(recipe, to, crop)
}

func writeProcessor(recipe card.Recipe, to, crop edges) ([]byte, error) {
	file := processorFile{
		CropSize: &crop, DoCenterCrop: ref(crop != to), DoNormalize: ref(true), DoRescale: ref(true), DoResize: ref(true),
		Mean: &recipe.Mean, DoReduceLabels: false, Type: "BeitImageProcessor", Std: &recipe.Std, Factor: ref(1.0 / 255), Size: &to,
	}
	if to.Shortest > 0 {
		file.Type, file.DoReduceLabels, file.DoConvertRGB = shorterEdgeTypes[0], nil, ref(true)
	}
	if recipe.Arithmetic == card.Tensors {
		file.Type = fmt.Sprint(file.Type, fast)
	}
	for number, filter := range resamples {
		if filter == recipe.Interpolation {
			file.Resample = &number
		}
	}
	return indented(file)
}
