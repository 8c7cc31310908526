package configs

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
)

// timmBase is the function of timm that builds the model. Its own sizes do not matter: the folder states every argument.
const timmBase = "beit_base_patch16_224"

// timmArguments are the arguments of timm's Beit class, in its order. Source: huggingface/pytorch-image-models timm/models/beit.py.
type timmArguments struct {
	ImageSize  any    `json:"img_size"`
	PatchSize  int    `json:"patch_size"`
	Channels   int    `json:"in_chans,omitempty"` // left out if it is timm's default of 3
	Classes    int    `json:"num_classes"`
	GlobalPool string `json:"global_pool"`
	EmbedDim   int    `json:"embed_dim"`
	Depth      int    `json:"depth"`
	Heads      int    `json:"num_heads"`
	Ratio      float  `json:"mlp_ratio"`
	// InitValues is 0 for a model without LayerScale: timm drops a null, and would take the default.
	InitValues       float `json:"init_values"`
	AbsolutePosition bool  `json:"use_abs_pos_emb"`
	BlockBias        bool  `json:"use_rel_pos_bias"`
	SharedBias       bool  `json:"use_shared_rel_pos_bias"`
}

// timmDocument is the config.json that timm writes, in its order.
type timmDocument struct {
	Architecture string        `json:"architecture"`
	Classes      int           `json:"num_classes"`
	Features     int           `json:"num_features"`
	GlobalPool   string        `json:"global_pool"`
	Labels       []string      `json:"label_names,omitempty"`
	Args         timmArguments `json:"model_args"`
	Pretrained   struct {
		Classes    int    `json:"num_classes"`
		InputSize  [3]int `json:"input_size"`
		PoolSize   *int   `json:"pool_size"`
		FirstConv  string `json:"first_conv"`
		Classifier string `json:"classifier"`
		FixedSize  bool   `json:"fixed_input_size"`
		*timmRecipe
		CustomLoad bool `json:"custom_load"`
	} `json:"pretrained_cfg"`
}

// timmRecipe is what the file says of how images are prepared.
type timmRecipe struct {
	Interpolation string     `json:"interpolation"`
	CropShare     float      `json:"crop_pct"`
	CropMode      string     `json:"crop_mode"`
	Mean          [3]float64 `json:"mean"`
	Std           [3]float64 `json:"std"`
}

// timmRecipeOf returns a recipe as the file says it.
func timmRecipeOf(recipe card.Recipe) *timmRecipe {
	mode := "center"
	if recipe.Resize == card.Squash {
		mode = "squash"
	}
	return &timmRecipe{string(recipe.Interpolation), float(cropShare(recipe.Crop, recipe.ResizeTo)), mode, recipe.Mean, recipe.Std}
}

// timmArgumentsOf returns the arguments with which timm builds a model of an architecture.
func timmArgumentsOf(config arch.Config) (timmArguments, error) {
	if config.Masked() {
		return timmArguments{}, fmt.Errorf("timm has no class for masked image modelling")
	}
	args := timmArguments{
		ImageSize: size(config.ImageHeight, config.ImageWidth), PatchSize: config.PatchSize, Classes: config.Classes, GlobalPool: "avg",
		EmbedDim: config.EmbedDim, Depth: config.Depth, Heads: config.Heads, Ratio: float(MLPRatio(config.EmbedDim, config.HiddenDim)),
		AbsolutePosition: config.AbsolutePosition, BlockBias: config.Bias == arch.BlockBias, SharedBias: config.Bias == arch.SharedBias,
	}
	if config.Channels != arch.RGB {
		args.Channels = config.Channels
	}
	switch config.Pooling {
	case arch.ClassToken:
		args.GlobalPool = "token"
	case arch.AllTokens:
		args.GlobalPool = ""
	}
	if config.LayerScale {
		args.InitValues = 0.1 // only switches LayerScale on; its values are in the weights
	}
	return args, nil
}

// MLPRatio returns the mlp_ratio with which Python programs build an MLP of the width hidden: its product with width, rounded down, is that.
func MLPRatio(width, hidden int) float64 {
	r := float64(hidden) / float64(width)
	for int(float64(width)*r) < hidden {
		r = math.Nextafter(r, math.Inf(1))
	}
	return r
}

// cropShare returns a number by which timm divides the crop, rounding down, to get the edge that it resizes to.
func cropShare(crop, resizeTo int) float64 {
	share := float64(crop) / float64(resizeTo)
	for int(math.Floor(float64(crop)/share)) < resizeTo {
		share = math.Nextafter(share, 0)
	}
	return share
}

// Timm returns the config.json of a folder from which timm.create_model("local-dir:FOLDER", pretrained=True) builds and loads the model. timm's classes have
// the epsilon [arch.Epsilon] built in, and no problem_type. Without a recipe, timm's own is written. An impossible architecture is an
// *[arch.ConfigError]; that timm has no such model is an error too.
func Timm(c card.Card) ([]byte, error) {
	recipe := c.Recipe
	if recipe == nil {
		usual, err := card.RecipeFor("timm", c.Config.ImageHeight)
		if err != nil {
			return nil, err
		}
		recipe = &usual
	}
	return writeTimm(c, timmRecipeOf(*recipe))
}

// TimmWithoutRecipe returns the same without a word on how images are prepared, whatever c has: for models whose recipe timm can't be told, and is not the usual
// one. timm takes defaults of its own then, and beitzoo a guess.
func TimmWithoutRecipe(c card.Card) ([]byte, error) { return writeTimm(c, nil) }

func writeTimm(c card.Card, recipe *timmRecipe) ([]byte, error) {
	config := c.Config
	if err := config.Validate(); err != nil {
		return nil, err
	}
	args, err := timmArgumentsOf(config)
	if err != nil {
		return nil, err
	}
	document := timmDocument{Architecture: timmBase, Classes: config.Classes, Features: config.EmbedDim, GlobalPool: args.GlobalPool, Args: args}
	if !card.Placeholder(c.Labels) {
		document.Labels = c.Labels
	}
	p := &document.Pretrained
	p.Classes, p.InputSize, p.FirstConv, p.Classifier, p.FixedSize = config.Classes, [3]int{config.Channels, config.ImageHeight, config.ImageWidth}, "patch_embed.proj", "head", true
	p.timmRecipe = recipe
	return indented(document)
}
