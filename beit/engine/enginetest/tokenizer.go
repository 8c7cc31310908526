package enginetest

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// The smallest models that have everything that their kind has: a picture that is not square, widths that no vector of a processor divides.
var (
	encoder = arch.Config{
		Name: "enginetest", Kind: arch.DVAEEncoder, ImageHeight: 12, ImageWidth: 20, PatchSize: 4, Channels: 3, EmbedDim: 12, Depth: 6, Classes: 11,
	}
	decoder = arch.Config{
		Name: "enginetest", Kind: arch.DVAEDecoder, ImageHeight: 12, ImageWidth: 20, PatchSize: 4, Channels: 3, EmbedDim: 12, Depth: 6, Classes: 11, InitDim: 9,
	}
	vqkd = with(func(c *arch.Config) {
		c.Kind, c.Pooling, c.Bias, c.AbsolutePosition, c.LayerScale, c.Classes = arch.VQKD, arch.PatchTokens, arch.NoBias, true, false, 0
		c.Codebook = arch.Codebook{Codes: 21, Dim: 5, Statistics: true, Decoder: arch.CodeDecoder{EmbedDim: 22, HiddenDim: 36, Depth: 2, Heads: 2, Features: 13}}
	})
)

// change returns a copy of config that is changed.
func change(config arch.Config, how func(*arch.Config)) arch.Config {
	how(&config)
	return config
}

// tokenizers has a member for each choice that the architecture of a tokenizer allows.
var tokenizers = []member{
	{"dvae encoder", encoder},
	{"dvae encoder, one group", change(encoder, func(c *arch.Config) { c.PatchSize, c.Depth, c.ImageHeight, c.ImageWidth = 1, 2, 7, 5 })},
	{"dvae encoder, one block a group", change(encoder, func(c *arch.Config) { c.Depth = 3 })},
	{"dvae encoder, one pixel", change(encoder, func(c *arch.Config) { c.PatchSize, c.Depth, c.ImageHeight, c.ImageWidth = 1, 1, 1, 1 })},
	{"dvae encoder, one token", change(encoder, func(c *arch.Config) { c.ImageHeight, c.ImageWidth = 4, 4 })},
	{"dvae encoder, one code", change(encoder, func(c *arch.Config) { c.Classes = 1 })},
	{"dvae encoder, one channel", change(encoder, func(c *arch.Config) { c.Channels = 1 })},
	{"dvae encoder, as OpenAI's but narrow", change(encoder, func(c *arch.Config) { c.PatchSize, c.Depth, c.ImageHeight, c.ImageWidth = 8, 8, 24, 16 })},
	{"dvae encoder, wide", change(encoder, func(c *arch.Config) { c.EmbedDim, c.Classes = 64, 130 })},
	{"dvae decoder", decoder},
	{"dvae decoder, one group", change(decoder, func(c *arch.Config) { c.PatchSize, c.Depth, c.ImageHeight, c.ImageWidth = 1, 2, 7, 5 })},
	{"dvae decoder, one block a group", change(decoder, func(c *arch.Config) { c.Depth = 3 })},
	{"dvae decoder, one token", change(decoder, func(c *arch.Config) { c.ImageHeight, c.ImageWidth = 4, 4 })},
	{"dvae decoder, one channel", change(decoder, func(c *arch.Config) { c.Channels = 1 })},
	{"dvae decoder, first width as wide as its group", change(decoder, func(c *arch.Config) { c.InitDim = 48 })},
	{"dvae decoder, wide", change(decoder, func(c *arch.Config) { c.EmbedDim, c.InitDim, c.Classes = 64, 32, 130 })},
	{"vqkd", vqkd},
	{"vqkd, no decoder", change(vqkd, func(c *arch.Config) { c.Codebook.Decoder = arch.CodeDecoder{} })},
	{"vqkd, no statistics", change(vqkd, func(c *arch.Config) { c.Codebook.Statistics = false })},
	{"vqkd, relative bias", change(vqkd, func(c *arch.Config) { c.Bias, c.LayerScale = arch.BlockBias, true })},
	{"vqkd, one code", change(vqkd, func(c *arch.Config) { c.Codebook.Codes = 1 })},
	{"vqkd, one dimension", change(vqkd, func(c *arch.Config) { c.Codebook.Dim = 1 })},
	{"vqkd, one patch", change(vqkd, func(c *arch.Config) { c.ImageHeight, c.ImageWidth = 4, 4 })},
}

// drawn returns architectures of parts of dVAEs that nobody chose, the same at each call.
func drawn() []member {
	source := rand.New(rand.NewPCG(14, 112))
	var all []member
	for range 8 {
		groups := 1 + source.IntN(4)
		side := 1 << (groups - 1)
		config := arch.Config{
			Name: "enginetest", Kind: arch.DVAEEncoder, PatchSize: side, ImageHeight: side * (1 + source.IntN(24/side)), ImageWidth: side * (1 + source.IntN(24/side)),
			Channels: 1 + source.IntN(4), EmbedDim: 4 * (1 + source.IntN(5)), Depth: groups * (1 + source.IntN(2)), Classes: 1 + source.IntN(40),
		}
		if source.IntN(2) == 0 {
			config.Kind, config.InitDim = arch.DVAEDecoder, 1+source.IntN(40)
		}
		all = append(all, member{"drawn " + string(config.Kind), config})
	}
	return all
}

// tokensOf checks that the tokens of a tokenizer follow from what the engine itself computed before: of a dVAE exactly, the first of the largest logits; of
// VQ-KD as the nearest codes, but for rounding to float32.
func (s *suite) tokensOf(t *testing.T, r *definition, own map[string][]float64) {
	t.Helper()
	codes, patches := r.config.Vocabulary(), r.config.Patches()
	for i, token := range own["tokens"] {
		if token != math.Trunc(token) || token < 0 || int(token) >= codes {
			t.Fatalf("token %d is %v", i, token)
		}
		scores := make([]float64, codes)
		for code := range scores {
			if r.config.Kind == arch.DVAEEncoder {
				scores[code] = own["logits"][(i/patches*codes+code)*patches+i%patches]
			} else {
				dim := r.config.Codebook.Dim
				scores[code] = r.score(own["codes"][i*dim:(i+1)*dim], code)
			}
		}
		best := slices.Index(scores, slices.Max(scores))
		if allowed := s.rounding(r.config); int(token) != best && !(scores[best]-scores[int(token)] < allowed) {
			t.Errorf("token %d is %v with %v, but %d has %v", i, token, scores[int(token)], best, scores[best])
		}
	}
}

// rounding returns how much better a code may be than the one that was chosen.
func (s *suite) rounding(config arch.Config) float64 {
	switch {
	case config.Kind == arch.DVAEEncoder:
		return 0
	case s.options.DType == tensor.F64:
		return 1e-13
	}
	return 1e-5
}

// firstOfEquals checks that of several tokens that fit equally well the first is taken.
func (s *suite) firstOfEquals(t *testing.T) {
	for _, c := range []struct {
		config arch.Config
		// set returns the values of the parameters that decide, by their names.
		set  map[string]func(i int) float32
		want float64
	}{
		{encoder, map[string]func(i int) float32{
			"blocks.output.conv.w": func(int) float32 { return 0 },
			"blocks.output.conv.b": func(i int) float32 { return float32(min(i, 4) % 5) }, // 0 1 2 3 4 4 4 ...
		}, 4},
		// The first three codes are so long that they are farther from everything than the others, which are all alike.
		{vqkd, map[string]func(i int) float32{"quantize.embedding.weight": func(i int) float32 {
			if i < 3*vqkd.Codebook.Dim {
				return 100
			}
			return 0
		}}, 3},
	} {
		made := weights(c.config)
		for i, w := range made {
			if value := c.set[w.Name]; value != nil {
				elements, _ := w.Shape.Elements()
				made[i].Data = floats(int(elements), value)
			}
		}
		for i, token := range s.computed(t, c.config, made).Values {
			if token != c.want {
				t.Fatalf("%s: token %d is %v, not %v", c.config.Kind, i, token, c.want)
			}
		}
	}
}

// saturated checks that a decoder's picture ends at black and white.
func (s *suite) saturated(t *testing.T) {
	made := weights(decoder)
	for i, w := range made {
		if w.Name == "blocks.output.conv.b" {
			made[i].Data = floats(2*decoder.Channels, func(c int) float32 { return float32(40*(c%2) - 20) })
		}
	}
	for i, sample := range s.computed(t, decoder, made).Values {
		channel := i / (decoder.ImageHeight * decoder.ImageWidth) % decoder.Channels
		if sample != float64(channel%2) {
			t.Fatalf("sample %d, of channel %d, is %v", i, channel, sample)
		}
	}
}

// computed returns what a model with these weights computes.
func (s *suite) computed(t *testing.T, config arch.Config, made []tensor.Named) engine.Activation {
	t.Helper()
	model, err := s.engine.Load(t.Context(), config, made, s.options)
	if err != nil {
		t.Fatal(err)
	}
	out := forward(t, model, inputs(config))
	if err := model.Close(); err != nil {
		t.Error(err)
	}
	return out
}

// floats returns values as the bytes of float32.
func floats(n int, value func(i int) float32) tensor.Memory {
	raw := make(tensor.Memory, 0, 4*n)
	for i := range n {
		bits := math.Float32bits(value(i))
		raw = append(raw, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
	}
	return raw
}

// wrongTokens checks that a tokenizer refuses what its kind does not take, and a decoder tokens that there are not.
func (s *suite) wrongTokens(t *testing.T) {
	pixels, tokens := synth.Images(1, encoder, 1), make([]int32, decoder.Patches())
	beyond := slices.Clone(tokens)
	beyond[3] = int32(decoder.Classes)
	negative := slices.Clone(tokens)
	negative[0] = -1
	for _, c := range []struct {
		name   string
		config arch.Config
		input  engine.Input
		what   string
	}{
		{"a pixel short", encoder, engine.Input{Pixels: pixels[1:]}, "pixels"},
		{"tokens for an encoder", encoder, engine.Input{Pixels: pixels, Tokens: tokens}, "tokens"},
		{"tokens for VQ-KD", vqkd, engine.Input{Pixels: pixels, Tokens: tokens}, "tokens"},
		{"a mask for VQ-KD", vqkd, engine.Input{Pixels: pixels, Mask: make([]bool, vqkd.Patches())}, "mask"},
		{"a mask for an encoder", encoder, engine.Input{Pixels: pixels, Mask: make([]bool, encoder.Patches())}, "mask"},
		{"pixels for a decoder", decoder, engine.Input{Pixels: pixels}, "pixels"},
		{"a token short", decoder, engine.Input{Tokens: tokens[1:]}, "tokens"},
		{"a token beyond the last", decoder, engine.Input{Tokens: beyond}, "tokens"},
		{"a negative token", decoder, engine.Input{Tokens: negative}, "tokens"},
		{"nothing", decoder, engine.Input{}, "tokens"},
	} {
		_, err := s.load(t, c.config).Forward(t.Context(), c.input, nil)
		var problem *engine.InputError
		if !errors.As(err, &problem) || problem.What != c.what {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}
