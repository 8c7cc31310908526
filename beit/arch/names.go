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

// documents returns config as DiT has it: position embeddings instead of a relative bias, and layer scale (microsoft/unilm dit/classification/README.md).
func documents(config Config) Config {
	config.Bias, config.AbsolutePosition = NoBias, true
	return config
}

// classBlocks returns a masked-image-modelling BEiT with the branch of the class token that pre-training of BEiT v2 has (microsoft/unilm
// beit2/modeling_pretrain.py: two blocks, which share norm and head with the others).
func classBlocks(config Config) Config {
	config.ClassBlocks = 2
	return config
}

// regression returns a masked-image-modelling BEiT whose head predicts features of a teacher (facebookresearch/data2vec_vision beit/modeling_cyclical.py).
func regression(config Config) Config {
	config.Classes, config.Regression = config.EmbedDim, true
	return config
}

// encoder returns a masked-image-modelling BEiT as transformers keeps that of data2vec: without head and mask token, the class token normalised.
func encoder(config Config) Config {
	config.Classes, config.Pooling, config.MaskToken = 0, ClassToken, false
	return config
}

// giant returns EVA-01's architecture (huggingface/pytorch-image-models timm/models/eva.py): 16 heads of 88 in 40 blocks, patches of 14 pixels.
func giant(name string, size, classes int, pooling Pooling) Config {
	config := classifier(name, size, 1408, 40, 16, classes)
	config.PatchSize, config.HiddenDim, config.Pooling = 14, 6144, pooling
	config.Bias, config.AbsolutePosition, config.LayerScale = NoBias, true, false
	return config
}

// dvae returns a part of OpenAI's dVAE for pictures of size pixels: four groups, between which the sides are halved (openai/DALL-E dall_e/encoder.py).
func dvae(kind Kind, name string, size, dim, blocksPerGroup, vocabulary, initDim int) Config {
	return Config{
		Name: name, Kind: kind, ImageHeight: size, ImageWidth: size, PatchSize: 8, Channels: RGB,
		EmbedDim: dim, Depth: 4 * blocksPerGroup, Classes: vocabulary, InitDim: initDim,
	}
}

// vqkd returns a tokenizer of BEiT v2 (microsoft/unilm beit2/modeling_vqkd.py): a transformer with position embeddings, without layer scale, and a decoder of
// the same width with so many blocks, or none.
func vqkd(name string, size, dim, depth, heads int, book Codebook, decoderDepth, features int) Config {
	config := absolute(classifier(name, size, dim, depth, heads, 0))
	config.Kind, config.Pooling, config.Codebook = VQKD, PatchTokens, book
	if decoderDepth > 0 {
		config.Codebook.Usage, config.Codebook.Statistics = true, true
		config.Codebook.Decoder = CodeDecoder{EmbedDim: dim, HiddenDim: 4 * dim, Depth: decoderDepth, Heads: heads, Features: features}
	}
	return config
}

// segmenter returns a BEiT with UPerNet: the decode head is as wide as the blocks, the auxiliary one has 256 channels (microsoft/unilm
// beit/semantic_segmentation/configs/_base_/models/upernet_beit.py).
func segmenter(name string, size, dim, depth, heads, classes int) Config {
	config := classifier(name, size, dim, depth, heads, classes)
	config.Kind, config.Pooling = UPerNet, NoPooling
	taps, _ := UsualTaps(depth)
	config.Segmentation = Segmentation{Taps: taps, Channels: dim, AuxiliaryChannels: 256, PoolScales: UsualPoolScales, Counters: true}
	return config
}

// tapping returns config with other taps, and as many auxiliary channels.
func tapping(config Config, auxiliary int, taps ...Tap) Config {
	config.Segmentation.AuxiliaryChannels = auxiliary
	copy(config.Segmentation.Taps[:], taps)
	return config
}

// cae returns config as PaddleSeg has it over CAE, which has position embeddings beside its bias tables, and batch norms that count nothing (PaddlePaddle/PaddleSeg
// paddleseg/models/backbones/cae.py).
func cae(config Config) Config {
	config.AbsolutePosition, config.Segmentation.Counters = true, false
	return config
}

// released are the architectures of weights that others released: microsoft/unilm's BEiT, BEiT v2 and DiT, data2vec, EVA-01.
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
	classBlocks(masked("beitv2_base_p16_224_mim", 224, 768, 12, 12, 8192)),
	classBlocks(masked("beitv2_large_p16_224_mim", 224, 1024, 24, 16, 8192)),
	documents(masked("dit_base_p16_224_mim", 224, 768, 12, 12, 8192)),
	documents(masked("dit_large_p16_224_mim", 224, 1024, 24, 16, 8192)),
	documents(classifier("dit_base_p16_224_rvlcdip", 224, 768, 12, 12, 16)),
	documents(classifier("dit_large_p16_224_rvlcdip", 224, 1024, 24, 16, 16)),
	regression(masked("data2vec_base_p16_224", 224, 768, 12, 12, 0)),
	regression(masked("data2vec_large_p16_224", 224, 1024, 24, 16, 0)),
	encoder(masked("data2vec_base_p16_224_encoder", 224, 768, 12, 12, 0)),
	encoder(masked("data2vec_large_p16_224_encoder", 224, 1024, 24, 16, 0)),
	giant("eva_giant_p14_224", 224, 1000, MeanPooling),
	giant("eva_giant_p14_336", 336, 1000, MeanPooling),
	giant("eva_giant_p14_560", 560, 1000, MeanPooling),
	giant("eva_giant_p14_224_clip", 224, 1024, ClassToken),
	dvae(DVAEEncoder, "dvae_encoder_112", 112, 256, 2, 8192, 0),
	dvae(DVAEDecoder, "dvae_decoder_112", 112, 256, 2, 8192, 128),
	vqkd("vqkd_base_p16_224_clip", 224, 768, 12, 12, Codebook{Codes: 8192, Dim: 32}, 3, 512),
	vqkd("vqkd_base_p16_224_clip_1", 224, 768, 12, 12, Codebook{Codes: 8192, Dim: 32}, 1, 512),
	vqkd("vqkd_base_p16_224_dino_1", 224, 768, 12, 12, Codebook{Codes: 8192, Dim: 32}, 1, 768),
	vqkd("vqkd_base_p16_224", 224, 768, 12, 12, Codebook{Codes: 8192, Dim: 32}, 0, 0),
	segmenter("beit_base_p16_640_ade20k", 640, 768, 12, 12, 150),
	segmenter("beit_large_p16_640_ade20k", 640, 1024, 24, 16, 150),
	segmenter("beit_base_p16_512_ade20k", 512, 768, 12, 12, 150),
	segmenter("beit_large_p16_512_ade20k", 512, 1024, 24, 16, 150),
	cae(segmenter("cae_base_p16_512_ade20k", 512, 768, 12, 12, 150)),
}

// named are all architectures that have a name: those that were released, and those of the small models in testdata.
var named = slices.Concat(released, []Config{
	classifier("digits_p16_64", 64, 48, 3, 3, 10),
	classifier("tiny_p16_32", 32, 32, 2, 2, 10),
	classifier("tiny_p16_64", 64, 48, 3, 3, 7),
	masked("tiny_mim_p16_64", 64, 48, 3, 3, 64),
	masked("digits_mim_p16_64", 64, 48, 3, 3, 32),
	dvae(DVAEEncoder, "digits_dvae_encoder", 32, 16, 1, 32, 0),
	dvae(DVAEDecoder, "digits_dvae_decoder", 32, 16, 1, 32, 16),
	vqkd("tiny_vqkd_p16_64", 64, 48, 3, 3, Codebook{Codes: 64, Dim: 8}, 1, 24),
	tapping(segmenter("tiny_seg_p16_64", 64, 24, 6, 3, 7), 24, 1, 3, 4, 5),
	tapping(segmenter("tiny_seg_p16_48", 48, 16, 6, 2, 5), 8, 1, 2, 3, 4),
	tapping(segmenter("tiny_seg_p16_32", 32, 16, 12, 2, 5), 8, 3, 5, 7, 11),
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
