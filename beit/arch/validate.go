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
	// maxGroups is the largest number of groups of a dVAE; OpenAI's has four.
	maxGroups = 8
)

// Validate returns a *[ConfigError] with everything that makes c impossible, or nil. Readers, engines and manifests all call it. Of a dVAE it looks at the
// fields that count.
//
// A model needs at least one block: without one, hidden_dim and heads could not be inferred from its weights. Epsilon must be positive: with 0, normalising
// a constant token would divide by zero, and in options 0 means "not given".
func (c Config) Validate() error {
	var p problems
	switch {
	case c.Convolutional():
		c.checkConvolutions(&p)
	case c.Kind == VQKD || c.Kind == Transformer || c.Kind == UPerNet:
		c.checkTransformer(&p)
	default:
		kinds := []string{string(VQKD), string(DVAEEncoder), string(DVAEDecoder), string(UPerNet)}
		p.check(false, "kind", "is %.40q; %s", c.Kind, suggest.Short(string(c.Kind), kinds))
	}
	if len(p) > 0 {
		return &ConfigError{p}
	}
	return nil
}

// problems collects what is wrong.
type problems []Problem

func (p *problems) check(ok bool, field, format string, args ...any) {
	if !ok {
		*p = append(*p, Problem{field, fmt.Sprintf(format, args...)})
	}
}

// size is a field with the values that it may have.
type size struct {
	field             string
	value, least, max int
}

func (p *problems) sizes(all ...size) {
	for _, s := range all {
		p.check(s.value >= s.least && s.value <= s.max, s.field, "is %d, not between %d and %d", s.value, s.least, s.max)
	}
}

// window checks the size of the image and of its parts.
func (p *problems) window(c Config) {
	p.sizes(size{"image_height", c.ImageHeight, 1, maxPixels}, size{"image_width", c.ImageWidth, 1, maxPixels}, size{"patch_size", c.PatchSize, 1, maxPatch},
		size{"channels", c.Channels, 1, maxChannels})
	if c.PatchSize <= 0 {
		return
	}
	p.check(c.ImageHeight%c.PatchSize == 0 && c.ImageWidth%c.PatchSize == 0, "patch_size", "%d does not divide the image, %d x %d",
		c.PatchSize, c.ImageHeight, c.ImageWidth)
	height, width := c.Window()
	p.check(height <= maxPatches/max(width, 1), "patch_size", "%d cuts an image of %d x %d into %d patches, more than %d",
		c.PatchSize, c.ImageHeight, c.ImageWidth, int64(height)*int64(width), maxPatches)
}

// checkConvolutions checks a part of a dVAE.
func (c Config) checkConvolutions(p *problems) {
	p.window(c)
	p.sizes(size{"embed_dim", c.EmbedDim, 1, maxWidth}, size{"depth", c.Depth, 1, maxDepth}, size{"classes", c.Classes, 1, MaxClasses})
	p.check(c.EmbedDim%4 == 0, "embed_dim", "is %d; the paths of the blocks have a quarter of it", c.EmbedDim)
	if c.PatchSize > 0 {
		groups := c.Groups()
		p.check(c.PatchSize == 1<<(groups-1) && groups <= maxGroups, "patch_size", "is %d, not a power of two of at most %d", c.PatchSize, 1<<(maxGroups-1))
		p.check(c.Depth%groups == 0, "depth", "is %d, not the same number of blocks for each of %d groups", c.Depth, groups)
		p.check(c.EmbedDim <= maxWidth>>min(groups-1, maxGroups), "embed_dim", "is %d, which is doubled %d times to more than %d", c.EmbedDim, groups-1, maxWidth)
	}
	if c.Kind == DVAEDecoder {
		p.sizes(size{"init_dim", c.InitDim, 1, maxWidth})
	} else {
		p.check(c.InitDim == 0, "init_dim", "goes with kind %q only", DVAEDecoder)
	}
	p.check(c.Codebook == Codebook{}, "codebook", "goes with kind %q only", VQKD)
	p.check(c.Segmentation == Segmentation{}, "segmentation", "goes with kind %q only", UPerNet)
}

// checkTransformer checks everything that has transformer blocks.
func (c Config) checkTransformer(p *problems) {
	p.window(c)
	p.sizes(size{"embed_dim", c.EmbedDim, 1, maxWidth}, size{"hidden_dim", c.HiddenDim, 1, maxHidden}, size{"depth", c.Depth, 1, maxDepth},
		size{"heads", c.Heads, 1, maxHeads}, size{"classes", c.Classes, 0, MaxClasses}, size{"class_blocks", c.ClassBlocks, 0, maxDepth})
	if c.Heads > 0 {
		p.check(c.EmbedDim%c.Heads == 0, "heads", "%d does not divide embed_dim %d", c.Heads, c.EmbedDim)
	}
	for _, choice := range []struct {
		field, value string
		known        []string
	}{
		{"pooling", string(c.Pooling), []string{string(MeanPooling), string(ClassToken), string(AllTokens), string(PatchTokens), string(NoPooling)}},
		{"relative_position_bias", string(c.Bias), []string{string(NoBias), string(BlockBias), string(SharedBias)}},
	} {
		p.check(slices.Contains(choice.known, choice.value), choice.field, "is %.40q; %s", choice.value, suggest.Short(choice.value, choice.known))
	}
	p.check(!c.MaskToken || c.Masked(), "mask_token", "goes with pooling %q only", AllTokens)
	p.check(!c.Masked() || c.MaskToken || c.Classes > 0, "mask_token", "is needed with pooling %q and no head: without one the model is one with pooling %q",
		AllTokens, ClassToken)
	p.check(c.Pooling != NoPooling && c.Pooling != PatchTokens || c.Classes == 0 || c.Kind == UPerNet, "classes", "is %d, but with pooling %q there is no head", c.Classes, c.Pooling)
	p.check(!c.Regression || c.Masked() && c.Classes == c.EmbedDim, "regression", "goes with pooling %q and as many classes as embed_dim only", AllTokens)
	p.check(c.ClassBlocks == 0 || c.Masked(), "class_blocks", "goes with pooling %q only", AllTokens)
	p.check(!c.ClassHead || c.ClassBlocks > 0 && c.Classes > 0, "class_head", "goes with class_blocks and a head only")
	p.check(c.InitDim == 0, "init_dim", "goes with kind %q only", DVAEDecoder)
	p.check(c.Epsilon > 0 && c.Epsilon < 1, "epsilon", "is %g, not between 0 and 1", c.Epsilon)
	if c.Kind == UPerNet {
		c.checkSegmentation(p)
	} else {
		p.check(c.Segmentation == Segmentation{}, "segmentation", "goes with kind %q only", UPerNet)
	}
	if c.Kind != VQKD {
		p.check(c.Codebook == Codebook{}, "codebook", "goes with kind %q only", VQKD)
		return
	}
	p.check(c.Pooling == PatchTokens, "pooling", "is %q, but that of kind %q is %q", c.Pooling, VQKD, PatchTokens)
	p.sizes(size{"codebook.codes", c.Codebook.Codes, 1, MaxClasses}, size{"codebook.dim", c.Codebook.Dim, 1, maxWidth})
	if d := c.Codebook.Decoder; d != (CodeDecoder{}) {
		p.sizes(size{"codebook.decoder.embed_dim", d.EmbedDim, 1, maxWidth}, size{"codebook.decoder.hidden_dim", d.HiddenDim, 1, maxHidden},
			size{"codebook.decoder.depth", d.Depth, 1, maxDepth}, size{"codebook.decoder.heads", d.Heads, 1, maxHeads}, size{"codebook.decoder.features", d.Features, 1, maxHidden})
		p.check(d.Heads <= 0 || d.EmbedDim%d.Heads == 0, "codebook.decoder.heads", "%d does not divide embed_dim %d", d.Heads, d.EmbedDim)
	}
}
