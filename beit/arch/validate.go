package arch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
)

// Problem is one thing that is wrong with a record from a file.
type Problem struct {
	// Field is the name of the field in JSON and YAML.
	Field string
	// Reason is a clause about the field, such as "is 0, not between 1 and 256".
	Reason string
}

// String returns field and reason as a sentence.
func (p Problem) String() string { return p.Field + " " + p.Reason }

// ConfigError lists everything that is wrong with a configuration.
type ConfigError struct{ Problems []Problem }

func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "not a BEiT architecture: " + strings.Join(lines, "\n")
}

// Is reports that the configuration, which comes from a file, is unusable input.
func (e *ConfigError) Is(kind error) bool { return kind == errdef.ErrInput }

// The limits of a configuration. They keep a hostile file from demanding an absurd list of parameters, and keep products of two sizes within 32 bits. The
// largest released models have 560 pixels a side, a width of 1,408, 40 blocks, 16 heads, 21,841 classes and 1,600 patches.
const (
	maxPixels = 1 << 13
	maxPatch  = 1 << 10
	maxWidth  = 1 << 14
	maxHidden = 1 << 16
	maxDepth  = 1 << 8
	maxHeads  = 1 << 10
	// MaxClasses is the largest number of classes of a model.
	MaxClasses = 1 << 20
	maxPatches = 1 << 14
	// maxChannels is more than the 202 bands of hyperspectral images.
	maxChannels = 1 << 8
)

// Validate returns a *[ConfigError] with everything that makes c impossible, or nil. Readers, engines and manifests all call it.
//
// A model needs at least one block: without one, hidden_dim and heads could not be inferred from its weights. Epsilon must be positive: with 0, normalising
// a constant token would divide by zero, and in options 0 means "not given".
func (c Config) Validate() error {
	var problems []Problem
	check := func(ok bool, field, format string, args ...any) {
		if !ok {
			problems = append(problems, Problem{field, fmt.Sprintf(format, args...)})
		}
	}
	for _, size := range []struct {
		field             string
		value, least, max int
	}{
		{"image_height", c.ImageHeight, 1, maxPixels},
		{"image_width", c.ImageWidth, 1, maxPixels},
		{"patch_size", c.PatchSize, 1, maxPatch},
		{"channels", c.Channels, 1, maxChannels},
		{"embed_dim", c.EmbedDim, 1, maxWidth},
		{"hidden_dim", c.HiddenDim, 1, maxHidden},
		{"depth", c.Depth, 1, maxDepth},
		{"heads", c.Heads, 1, maxHeads},
		{"classes", c.Classes, 0, MaxClasses},
		{"class_blocks", c.ClassBlocks, 0, maxDepth},
	} {
		check(size.value >= size.least && size.value <= size.max, size.field, "is %d, not between %d and %d", size.value, size.least, size.max)
	}
	if c.PatchSize > 0 {
		check(c.ImageHeight%c.PatchSize == 0 && c.ImageWidth%c.PatchSize == 0, "patch_size", "%d does not divide the image, %d x %d",
			c.PatchSize, c.ImageHeight, c.ImageWidth)
		height, width := c.Window()
		check(height <= maxPatches/max(width, 1), "patch_size", "%d cuts an image of %d x %d into %d patches, more than %d",
			c.PatchSize, c.ImageHeight, c.ImageWidth, int64(height)*int64(width), maxPatches)
	}
	if c.Heads > 0 {
		check(c.EmbedDim%c.Heads == 0, "heads", "%d does not divide embed_dim %d", c.Heads, c.EmbedDim)
	}
	for _, choice := range []struct {
		field, value string
		known        []string
	}{
		{"pooling", string(c.Pooling), []string{string(MeanPooling), string(ClassToken), string(AllTokens), string(NoPooling)}},
		{"relative_position_bias", string(c.Bias), []string{string(NoBias), string(BlockBias), string(SharedBias)}},
	} {
		check(slices.Contains(choice.known, choice.value), choice.field, "is %.40q; %s", choice.value, suggest.Short(choice.value, choice.known))
	}
	check(!c.MaskToken || c.Masked(), "mask_token", "goes with pooling %q only", AllTokens)
	check(!c.Masked() || c.MaskToken || c.Classes > 0, "mask_token", "is needed with pooling %q and no head: without one the model is one with pooling %q",
		AllTokens, ClassToken)
	check(c.Pooling != NoPooling || c.Classes == 0, "classes", "is %d, but with pooling %q there is no head", c.Classes, NoPooling)
	check(!c.Regression || c.Masked() && c.Classes == c.EmbedDim, "regression", "goes with pooling %q and as many classes as embed_dim only", AllTokens)
	check(c.ClassBlocks == 0 || c.Masked(), "class_blocks", "goes with pooling %q only", AllTokens)
	check(!c.ClassHead || c.ClassBlocks > 0 && c.Classes > 0, "class_head", "goes with class_blocks and a head only")
	check(c.Epsilon > 0 && c.Epsilon < 1, "epsilon", "is %g, not between 0 and 1", c.Epsilon)
	if len(problems) > 0 {
		return &ConfigError{problems}
	}
	return nil
}
