package card

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
)

// preset is the rule of one source for images of any size.
type preset struct {
	source        string
	resize        Resize
	interpolation Interpolation
	crop          func(size int) float64 // side of the crop over the resized edge
	statistics    statistics
	arithmetic    Arithmetic
}

type statistics struct{ mean, std [3]float64 }

var (
	// inception is what BEiT was pre-trained with on ImageNet-22k, and fine-tuned with.
	inception = statistics{[3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}}
	// imageNet is what BEiT v2 uses.
	imageNet = statistics{[3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}}
	// mapped is what OpenAI's dVAE uses: 0.8 x + 0.1.
	mapped = statistics{[3]float64{-0.125, -0.125, -0.125}, [3]float64{1.25, 1.25, 1.25}}
	// clip is what OpenAI's CLIP uses, and with it EVA-CLIP.
	clip = statistics{[3]float64{0.48145466, 0.4578275, 0.40821073}, [3]float64{0.26862954, 0.26130258, 0.27577711}}
)

// below384 returns share for images below 384 pixels, and 1 for larger ones, which no source crops.
func below384(share float64) func(int) float64 {
	return func(size int) float64 {
		if size >= 384 {
			return 1
		}
		return share
	}
}

func whole(int) float64 { return 1 }

var presets = []preset{
	// microsoft/unilm beit/run_class_finetuning.py: 256 for 224. The 0.9 in its model file is not used.
	{"unilm", ShorterEdge, Bicubic, below384(224. / 256), inception, Pillow},
	// huggingface/pytorch-image-models timm/models/beit.py: 248 for 224.
	{"timm", ShorterEdge, Bicubic, below384(0.9), inception, Pillow},
	// BR-IDL/PaddleViT image_classification/BEiT: as timm.
	{"paddlevit", ShorterEdge, Bicubic, below384(0.9), inception, Pillow},
	// PaddlePaddle/PASSL states only the crop ratios; its models are those of PaddleViT, so the rest is taken from there.
	{"passl", ShorterEdge, Bicubic, below384(0.9), inception, Pillow},
	// The digits classifier of manifests/embedded, trained with PASSL's classes on 8 by 8 images.
	{"passl-digits", Squash, Bicubic, whole, inception, Pillow},
	// The preprocessor_config.json of microsoft/beit-* on the Hugging Face Hub; the defaults of BeitImageProcessor differ.
	{"hf", Squash, Bilinear, whole, inception, Pillow},
	// The same as transformers computes it from version 5 on: models/beit/image_processing_beit.py, whose backend is torchvision.
	{"hf-torchvision", Squash, Bilinear, whole, inception, Tensors},
	// huggingface/transformers models/data2vec/convert_data2vec_vision_original_pytorch_checkpoint_to_pytorch.py: the defaults of BeitFeatureExtractor, no crop.
	{"hf-data2vec", Squash, Bicubic, whole, inception, Pillow},
	// open-mmlab/mmpretrain configs/beit/benchmarks.
	{"openmmlab", ShorterEdge, Bicubic, below384(224. / 256), inception, Pillow},
	// open-mmlab/mmpretrain configs/beitv2/benchmarks.
	{"openmmlab-v2", ShorterEdge, Bicubic, below384(224. / 256), imageNet, Pillow},
	// timm/models/eva.py of huggingface/pytorch-image-models, by the part of the name behind the dot: clip_ft_in1k for 224 pixels and for 336, m30m_ft_in22k_in1k.
	{"timm-eva-clip", ShorterEdge, Bicubic, below384(0.9), clip, Pillow},
	{"timm-eva-clip-squash", Squash, Bicubic, whole, clip, Pillow},
	{"timm-eva", Squash, Bicubic, whole, imageNet, Pillow},
	// microsoft/unilm beit2/run_class_finetuning.py.
	{"unilm-v2", ShorterEdge, Bicubic, below384(224. / 256), imageNet, Pillow},
	// timm's beitv2_base, and beitv2_large with the ImageNet-22k head: 248 for 224.
	{"timm-v2", ShorterEdge, Bicubic, below384(0.9), imageNet, Pillow},
	// timm's beitv2_large with an ImageNet-1k head: 235 for 224.
	{"timm-v2-large", ShorterEdge, Bicubic, below384(0.95), imageNet, Pillow},
	// The tokenizer of BEiT, whose picture in pre-training is all of what the model sees: microsoft/unilm beit/datasets.py, openai/DALL-E notebooks/usage.ipynb.
	{"dvae", ShorterEdge, Lanczos, whole, mapped, MapPixels},
	// The tokenizer of BEiT v2, as microsoft/unilm beit2/test_get_code.py shows pictures to it. Its own x * 255 / 127.5 - 1 (beit2/modeling_vqkd.py, pre_process)
	// gives the same bits.
	{"vqkd", ShorterEdge, Bicubic, below384(224. / 256), inception, Pillow},
}

// RecipeNames returns the names that [RecipeFor] knows.
func RecipeNames() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.source
	}
	return names
}

// RecipeFor returns the recipe with which a source, one of [RecipeNames], evaluates its models of the given input size, in pixels a side. The error is an
// *[UnknownRecipeError] for an unknown name, and a *[RecipeError] for a size that no recipe can have.
func RecipeFor(name string, imageSize int) (Recipe, error) {
	i := slices.IndexFunc(presets, func(p preset) bool { return p.source == name })
	if i < 0 {
		return Recipe{}, &UnknownRecipeError{Name: name}
	}
	p := presets[i]
	recipe := Recipe{
		Resize:        p.resize,
		ResizeTo:      int(math.Floor(float64(imageSize) / p.crop(imageSize))), // truncated: 224/0.9 is 248
		Interpolation: p.interpolation,
		Crop:          imageSize,
		Arithmetic:    p.arithmetic,
		Mean:          p.statistics.mean,
		Std:           p.statistics.std,
	}
	if err := recipe.Validate(); err != nil {
		return Recipe{}, fmt.Errorf("%s for %d pixels: %w", name, imageSize, err)
	}
	return recipe, nil
}

// UnknownRecipeError says that no recipe has the name.
type UnknownRecipeError struct{ Name string }

func (e *UnknownRecipeError) Error() string {
	return fmt.Sprintf("no recipe for images is named %.80q, and there is no file of that name", e.Name)
}

// Hint lists the known names.
func (e *UnknownRecipeError) Hint() string {
	return "recipes are " + strings.Join(RecipeNames(), ", ")
}

// Is reports that asking for the name was a mistake.
func (e *UnknownRecipeError) Is(kind error) bool { return kind == errdef.ErrUsage }
