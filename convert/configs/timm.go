package configs

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/text"
)

// timmName is what messages call the file.
const timmName = "config.json of timm"

// timmFile has the keys of the config.json in timm's hub folders that matter. Older files have those of pretrained_cfg at the top.
// Source: huggingface/pytorch-image-models timm/models/_hub.py.
type timmFile struct {
	Architecture *string         `json:"architecture"`
	Classes      *int            `json:"num_classes"`
	Features     *int            `json:"num_features"`
	GlobalPool   *string         `json:"global_pool"`
	LabelNames   json.RawMessage `json:"label_names"`
	Labels       json.RawMessage `json:"labels"` // the old name
	Descriptions any             `json:"label_descriptions"`
	Args         struct {
		Classes    *int    `json:"num_classes"`
		Channels   *int    `json:"in_chans"`
		Width      *int    `json:"embed_dim"`
		Depth      *int    `json:"depth"`
		Heads      *int    `json:"num_heads"`
		PatchSize  int     `json:"patch_size"`
		ImageSize  any     `json:"img_size"`
		GlobalPool *string `json:"global_pool"`
		FCNorm     *bool   `json:"use_fc_norm"`
	} `json:"model_args"`
	Pretrained *timmPretrained `json:"pretrained_cfg"`
}

type timmPretrained struct {
	InputSize     []int           `json:"input_size"`
	Interpolation string          `json:"interpolation"`
	CropShare     float64         `json:"crop_pct"`
	CropMode      string          `json:"crop_mode"`
	Mean          *[3]float64     `json:"mean"`
	Std           *[3]float64     `json:"std"`
	LabelNames    json.RawMessage `json:"label_names"`
	Descriptions  any             `json:"label_descriptions"`
}

// TimmFacts are what a config.json of timm's hub folders says about the weights beside it. Sizes of the architecture are not among them: timm leaves out those
// that it can't write, so the weights alone tell them.
type TimmFacts struct {
	// Architecture is timm's name for it, such as "beitv2_base_patch16_224".
	Architecture string
	// Labels are the names of the classes in the order of the logits, or nil.
	Labels []string
	// Described says that the file has longer names of the classes beside Labels, label_descriptions, which no card has.
	Described bool
	// Recipe is how timm prepares images. It is nil if the file says nothing of it, or if beitzoo can't do the same; then RecipeErr says why.
	Recipe    *card.Recipe
	RecipeErr error
	// Heads is the number of attention heads, and ImageHeight and ImageWidth the size of images in pixels; 0 if the file does not say.
	Heads                   int
	ImageHeight, ImageWidth int
	// PatchSize is the side of a patch in pixels, or 0 if the file does not say.
	PatchSize int
	// SizeStated says that the size of images is that of the model, not of the pictures that it was trained with.
	SizeStated bool
	// Classes is the number of classes, or nil if the file does not say. Width, Depth and Channels are 0 if it does not.
	Classes                *int
	Width, Depth, Channels int
	// Pooling is how tokens are pooled, or empty if the file does not say. FCNorm is what the file says about the name of the norm, or nil.
	Pooling arch.Pooling
	FCNorm  *bool
	// Unpooled says that the file states that tokens are not pooled.
	Unpooled bool
}

// IsTimm reports whether a config.json was written by timm.
func IsTimm(raw []byte) bool {
	var file struct {
		Architecture *string         `json:"architecture"`
		Pretrained   json.RawMessage `json:"pretrained_cfg"`
		InputSize    json.RawMessage `json:"input_size"`
	}
	return json.Unmarshal(raw, &file) == nil && file.Architecture != nil && (file.Pretrained != nil || file.InputSize != nil)
}

// ParseTimm reads the config.json of a folder that timm wrote, as save_for_hf and push_to_hf_hub do. What the file leaves out takes timm's defaults. The error
// is a *[FileError].
func ParseTimm(raw []byte) (*TimmFacts, error) {
	if len(raw) > maxJSON {
		return nil, refuse(timmName, "%d bytes; %d is the limit", len(raw), maxJSON)
	}
	var file timmFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, unusable(timmName, text.JSONError(err))
	}
	if file.Pretrained == nil {
		file.Pretrained = &timmPretrained{}
		if err := json.Unmarshal(raw, file.Pretrained); err != nil {
			return nil, unusable(timmName, text.JSONError(err))
		}
	}
	facts := &TimmFacts{Architecture: valueOr(file.Architecture, ""), Heads: max(0, valueOr(file.Args.Heads, 0)), FCNorm: file.Args.FCNorm, PatchSize: file.Args.PatchSize}
	facts.SizeStated = file.Args.ImageSize != nil
	if facts.Classes = file.Classes; file.Args.Classes != nil {
		facts.Classes = file.Args.Classes
	}
	facts.Width, facts.Depth = max(0, valueOr(file.Args.Width, valueOr(file.Features, 0))), max(0, valueOr(file.Args.Depth, 0))
	facts.Channels = max(0, valueOr(file.Args.Channels, 0))
	facts.Described = file.Descriptions != nil || file.Pretrained.Descriptions != nil
	var err error
	if facts.Labels, err = file.labels(); err != nil {
		return nil, unusable(timmName, err)
	}
	if facts.ImageHeight, facts.ImageWidth, err = file.imageSize(); err != nil {
		return nil, unusable(timmName, err)
	}
	switch pool := valueOr(file.Args.GlobalPool, valueOr(file.GlobalPool, "none")); pool {
	case "":
		facts.Unpooled = true
	case "avg":
		facts.Pooling = arch.MeanPooling
	case "token":
		facts.Pooling = arch.ClassToken
	}
	if file.Pretrained.isSilent() {
		return facts, nil
	}
	recipe, err := file.Pretrained.recipe(facts.ImageHeight, facts.ImageWidth)
	if err != nil {
		facts.RecipeErr = unusable(timmName, err)
	} else {
		facts.Recipe = &recipe
	}
	return facts, nil
}

// imageSize returns height and width in pixels, 0 if they are not stated. An img_size among the arguments of the model comes first, as in timm.
func (f timmFile) imageSize() (height, width int, err error) {
	if f.Args.ImageSize != nil {
		return heightAndWidth("img_size", f.Args.ImageSize, 0)
	}
	size := f.Pretrained.InputSize
	if size == nil {
		return 0, 0, nil
	}
	if len(size) != 3 || size[1] < 1 || size[2] < 1 || size[1] > math.MaxInt32 || size[2] > math.MaxInt32 {
		return 0, 0, fmt.Errorf("input_size is not [channels, height, width]")
	}
	return size[1], size[2], nil
}

// labels returns the names of the classes. timm writes a list, or an object from index to name.
func (f timmFile) labels() ([]string, error) {
	for _, raw := range []json.RawMessage{f.LabelNames, f.Pretrained.LabelNames, f.Labels} {
		if raw == nil || string(raw) == "null" {
			continue
		}
		return labelsOf(raw)
	}
	return nil, nil
}

// labelsOf reads names of classes from a JSON list, or from an object from index to name, in which all indices from 0 must be there.
func labelsOf(raw json.RawMessage) ([]string, error) {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list, nil
	}
	var named map[string]string
	if err := json.Unmarshal(raw, &named); err != nil {
		return nil, fmt.Errorf("the names of the classes are neither a list nor an object from index to name")
	}
	if named == nil {
		return nil, nil
	}
	if err := text.CheckKeys(raw); err != nil {
		return nil, fmt.Errorf("the names of the classes: %w", err)
	}
	return labelsByIndex(named)
}

// labelsByIndex returns names in the order of their indices, all of which from 0 must be there.
func labelsByIndex(named map[string]string) ([]string, error) {
	list := make([]string, len(named))
	seen := make([]bool, len(named))
	for key, label := range named {
		index, err := strconv.Atoi(key)
		if err != nil || index < 0 || index >= len(list) || seen[index] {
			return nil, fmt.Errorf("the names of the classes have the index %.40q; want each number from 0 to %d once", key, len(list)-1)
		}
		list[index], seen[index] = label, true
	}
	return list, nil
}

// timm's defaults: timm/data/constants.py.
const timmCropShare = 0.875

var timmMean, timmStd = [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}

// isSilent reports whether the file says nothing of how images are prepared, as [TimmWithoutRecipe] writes it: timm itself always says it.
func (p timmPretrained) isSilent() bool {
	return p.Interpolation == "" && p.CropShare == 0 && p.CropMode == "" && p.Mean == nil && p.Std == nil
}

// recipe returns what timm's transforms_imagenet_eval does for images of a size; 0 means timm's default of 224.
func (p timmPretrained) recipe(height, width int) (card.Recipe, error) {
	if height == 0 {
		height, width = 224, 224
	}
	if height != width {
		return card.Recipe{}, fmt.Errorf("images of %d x %d pixels are not square, for which there is no recipe", height, width)
	}
	share := p.CropShare
	if share == 0 {
		share = timmCropShare
	}
	recipe := card.Recipe{Resize: card.ShorterEdge, Crop: height, Mean: valueOr(p.Mean, timmMean), Std: valueOr(p.Std, timmStd)}
	switch p.CropMode {
	case "", "center":
	case "squash":
		recipe.Resize = card.Squash
	default:
		return card.Recipe{}, fmt.Errorf("crop_mode is %.40q; beitzoo knows center and squash", p.CropMode)
	}
	switch p.Interpolation {
	case "", "bicubic":
		recipe.Interpolation = card.Bicubic
	case "bilinear":
		recipe.Interpolation = card.Bilinear
	case "lanczos":
		recipe.Interpolation = card.Lanczos
	default:
		return card.Recipe{}, fmt.Errorf("interpolation is %.40q; beitzoo knows bilinear, bicubic and lanczos", p.Interpolation)
	}
	if edge := math.Floor(float64(height) / share); edge >= 1 && edge <= card.MaxSize {
		recipe.ResizeTo = int(edge)
	}
	if err := recipe.Validate(); err != nil {
		return card.Recipe{}, err
	}
	return recipe, nil
}

// isBlank reports whether a text has nothing but white space.
func isBlank(s string) bool { return strings.TrimSpace(s) == "" }
