package arch

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
)

// classifier returns a fine-tuned BEiT with what all released classifiers have in common: patches of 16 pixels, an MLP of 4C, mean pooling.
func classifier(name string, size, dim, depth, heads, classes int) Config {
	return Config{
		Name: name, ImageHeight: size, ImageWidth: size, PatchSize: 16, Channels: RGB,
		EmbedDim: dim, HiddenDim: 4 * dim, Depth: depth, Heads: heads, Classes: classes,
		Pooling: MeanPooling, Bias: BlockBias, LayerScale: true, Epsilon: Epsilon,
	}
}

// masked returns a masked-image-modelling BEiT: all blocks share a bias table, and the head predicts a visual token for each patch.
func masked(name string, size, dim, depth, heads, vocabulary int) Config {
	config := classifier(name, size, dim, depth, heads, vocabulary)
	config.Pooling, config.Bias, config.MaskToken = AllTokens, SharedBias, true
	return config
}

// absolute returns config with position embeddings instead of a relative bias, and without layer scale, as unilm's beit_base_patch16_224_pt1k_800ep.
func absolute(config Config) Config {
	config.Bias, config.AbsolutePosition, config.LayerScale = NoBias, true, false
	return config
}

// released are the architectures of weights that microsoft/unilm released.
var released = []Config{
	classifier("beit_base_p16_224", 224, 768, 12, 12, 1000),
	classifier("beit_base_p16_384", 384, 768, 12, 12, 1000),
	classifier("beit_large_p16_224", 224, 1024, 24, 16, 1000),
	classifier("beit_large_p16_384", 384, 1024, 24, 16, 1000),
	classifier("beit_large_p16_512", 512, 1024, 24, 16, 1000),
	classifier("beit_base_p16_224_in22k", 224, 768, 12, 12, 21841),
	classifier("beit_large_p16_224_in22k", 224, 1024, 24, 16, 21841),
	masked("beit_base_p16_224_mim", 224, 768, 12, 12, 8192),
	masked("beit_large_p16_224_mim", 224, 1024, 24, 16, 8192),
	absolute(masked("beit_base_p16_224_mim_abs", 224, 768, 12, 12, 8192)),
}

// named are all architectures that have a name: those that were released, and those of the small models in testdata.
var named = slices.Concat(released, []Config{
	classifier("digits_p16_64", 64, 48, 3, 3, 10),
	classifier("tiny_p16_32", 32, 32, 2, 2, 10),
	classifier("tiny_p16_64", 64, 48, 3, 3, 7),
	masked("tiny_mim_p16_64", 64, 48, 3, 3, 64),
})

// Names returns the names of all named architectures.
func Names() []string {
	names := make([]string, len(named))
	for i, config := range named {
		names[i] = config.Name
	}
	return names
}

// UnknownNameError says that no architecture has that name.
type UnknownNameError struct {
	Name    string
	Nearest string
}

func (e *UnknownNameError) Error() string { return fmt.Sprintf("unknown architecture %q", e.Name) }

// Is reports that asking for the name was a mistake.
func (e *UnknownNameError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names the nearest architecture.
func (e *UnknownNameError) Hint() string {
	return suggest.Hint(e.Nearest, Names())
}

// ByName returns the architecture of that name, or an *[UnknownNameError].
func ByName(name string) (Config, error) {
	at := slices.IndexFunc(named, func(c Config) bool { return c.Name == name })
	if at < 0 {
		return Config{}, &UnknownNameError{Name: name, Nearest: suggest.Nearest(name, Names())}
	}
	return named[at], nil
}
