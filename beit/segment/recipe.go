package segment

import (
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Recipe says how a picture becomes windows of a model.
type Recipe struct {
	Name string `json:"name"`
	// Long and Short bound the edges of the resized picture in pixels, which keeps its aspect ratio: OpenCV's bilinear, and the picture is turned as its file says.
	Long  int `json:"long,omitempty"`
	Short int `json:"short,omitempty"`
	// Whole, if not nil, is used in place of them: the picture becomes one window.
	Whole *card.Recipe `json:"whole,omitempty"`
	// Stride is how far in pixels one window is from the next.
	Stride int `json:"stride,omitempty"`
	// Mean and Std are per channel (red, green, blue) on the scale 0 to 255.
	Mean [3]float64 `json:"mean"`
	Std  [3]float64 `json:"std"`
}

// imageNet are the statistics of ImageNet on the scale 0 to 255.
var imageNetMean, imageNetStd = [3]float64{123.675, 116.28, 103.53}, [3]float64{58.395, 57.12, 57.375}

var recipes = []Recipe{
	// microsoft/unilm beit/semantic_segmentation/configs/_base_/datasets/ade20k_640x640.py and configs/beit: windows of 640 pixels.
	{Name: "unilm-ade640", Long: 2560, Short: 640, Stride: 426, Mean: imageNetMean, Std: imageNetStd},
	// The same for 512 pixels, of microsoft/unilm beit2 as well.
	{Name: "unilm-ade512", Long: 2048, Short: 512, Stride: 341, Mean: imageNetMean, Std: imageNetStd},
	// The preprocessor_config.json of microsoft/beit-*-finetuned-ade-640-640 on the Hugging Face Hub: the picture is squashed, which is not what the model was trained
	// with.
	{Name: "hf-ade640", Whole: &card.Recipe{
		Resize: card.Squash, ResizeTo: 640, Interpolation: card.Bilinear, Crop: 640, Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5},
	}},
}

// RecipeNames returns the names of the recipes.
func RecipeNames() []string {
	names := make([]string, len(recipes))
	for i, r := range recipes {
		names[i] = r.Name
	}
	return names
}

// UnknownRecipeError says that no recipe has that name.
type UnknownRecipeError struct{ Name string }

func (e *UnknownRecipeError) Error() string {
	return "no recipe for segmentation is called " + text.Quote(e.Name)
}

// Is reports whether kind is errdef.ErrUsage.
func (e *UnknownRecipeError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names the nearest recipe, or all.
func (e *UnknownRecipeError) Hint() string { return suggest.Short(e.Name, RecipeNames()) }

// RecipeByName returns the recipe of that name, or an *[UnknownRecipeError].
func RecipeByName(name string) (Recipe, error) {
	at := slices.IndexFunc(recipes, func(r Recipe) bool { return r.Name == name })
	if at < 0 {
		return Recipe{}, &UnknownRecipeError{name}
	}
	return recipes[at], nil
}

// RecipeFor returns the recipe of microsoft/unilm for the windows of a model: the shorter edge of the picture becomes as long as a window, the longer one at most four
// times that, and windows overlap by a third. known is false if no released model has such windows.
func RecipeFor(config arch.Config) (r Recipe, known bool) {
	side := min(config.ImageHeight, config.ImageWidth)
	for _, r := range recipes {
		if r.Short == side && r.Whole == nil && config.ImageHeight == config.ImageWidth {
			return r, true
		}
	}
	return Recipe{
		Name: fmt.Sprintf("unilm-%d", side), Long: 4 * side, Short: side, Stride: max(1, side*2/3), Mean: imageNetMean, Std: imageNetStd,
	}, false
}

// size returns the size of the resized picture. Source: open-mmlab/mmcv mmcv/image/geometric.py, rescale_size.
func (r Recipe) size(width, height int) (int, int) {
	return rescaled(width, height, float64(r.Long), float64(r.Short))
}

// scaledSize is size for one of several scales, of which the shorter edge is at least as long as a window, and the longer one as long as it comes. Source:
// microsoft/unilm beit/semantic_segmentation/mmcv_custom/resize_transform.py, setr_multi_scale.
func (r Recipe) scaledSize(width, height, window int, scale float64) (int, int) {
	short := float64(max(window, int(float64(r.Short)*scale)))
	long := short * float64(max(width, height)) / float64(min(width, height))
	return rescaled(width, height, long, short)
}

func rescaled(width, height int, longest, shortest float64) (int, int) {
	factor := min(longest/float64(max(width, height)), shortest/float64(min(width, height)))
	side := func(n int) int { return max(1, int(float64(n)*factor+0.5)) }
	return side(width), side(height)
}

// normalised returns a sample as the model sees it: mmcv's imnormalize has OpenCV subtract the mean in float32, and multiply by the reciprocal of the deviation in float64.
func (r Recipe) normalised(sample uint8, channel int) float32 {
	centred := float32(sample) - float32(r.Mean[channel])
	return float32(float64(centred) * (1 / r.Std[channel]))
}

// bilinearTap is where a value of an axis that is resized comes from.
type bilinearTap struct {
	low, high int
	part      float32
}

// bilinearTaps are those of PyTorch without align_corners: pytorch/pytorch aten/src/ATen/native/UpSample.h.
func bilinearTaps(in, out int) []bilinearTap {
	scale := float32(in) / float32(out)
	taps := make([]bilinearTap, out)
	for i := range taps {
		at := max(0, scale*(float32(i)+0.5)-0.5)
		low := min(int(math.Floor(float64(at))), in-1)
		taps[i] = bilinearTap{low: low, high: min(low+1, in-1), part: at - float32(low)}
	}
	return taps
}
