package manifest_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
)

// drawConfig draws a configuration in which up to two fields are at a limit, beyond it, or invalid.
func drawConfig(t *rapid.T) arch.Config {
	config := arch.Config{
		ImageHeight: 32, ImageWidth: 48, PatchSize: 16, Channels: 3, EmbedDim: 32, HiddenDim: 64, Depth: 2, Heads: 2, Classes: 10,
		Pooling: arch.MeanPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: 1e-6,
	}
	size := func(field *int) func() {
		return func() {
			*field = rapid.SampledFrom([]int{-1, 0, 1, 3, 16, 255, 256, 257, 1 << 10, 1<<10 + 1, 1 << 13, 1<<13 + 16, 1 << 14, 1 << 20, 1<<20 + 1, math.MaxInt32}).Draw(t, "size")
		}
	}
	edits := []func(){
		size(&config.ImageHeight), size(&config.ImageWidth), size(&config.PatchSize), size(&config.EmbedDim), size(&config.HiddenDim),
		size(&config.Depth), size(&config.Heads), size(&config.Classes), size(&config.Channels), size(&config.ClassBlocks),
		func() {
			config.Pooling = rapid.SampledFrom([]arch.Pooling{arch.ClassToken, arch.AllTokens, arch.NoPooling, "max"}).Draw(t, "pooling")
		},
		func() {
			config.Bias = rapid.SampledFrom([]arch.Bias{arch.NoBias, arch.SharedBias, "some"}).Draw(t, "bias")
		},
		func() { config.MaskToken = true },
		func() { config.MaskToken, config.Pooling = true, arch.AllTokens },
		func() { config.Pooling, config.Regression, config.Classes = arch.AllTokens, true, config.EmbedDim },
		func() { config.Regression = true },
		func() { config.Pooling, config.ClassBlocks, config.ClassHead = arch.AllTokens, 2, true },
		func() { config.ClassHead = true },
		func() { config.Epsilon = rapid.SampledFrom([]float64{-1, 0, 1e-12, 0.5, 1, 2}).Draw(t, "epsilon") },
	}
	for range rapid.IntRange(0, 2).Draw(t, "edits") {
		edits[rapid.IntRange(0, len(edits)-1).Draw(t, "edit")]()
	}
	return config
}

// TestConfigIsJudgedAlikeEverywhere wants all parts of the program to accept the same configurations, so that weights that can be read can also be
// run and published.
func TestConfigIsJudgedAlikeEverywhere(t *testing.T) {
	t.Parallel()
	text := tiny(t)
	valid, invalid := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		config := drawConfig(t)
		want := config.Validate() == nil
		if want {
			valid++
		} else {
			invalid++
		}
		var problem *arch.ConfigError
		if _, err := engine.Parameters(config, nil); errors.As(err, &problem) == want {
			t.Errorf("arch: %v, engine: %v", config.Validate(), err)
		}
		err := check(manifestOf(t, text, config))
		if config.Channels == 0 { // a document without channels means those of RGB
			config.Channels = arch.RGB
		}
		want = config.Validate() == nil
		if refused := err != nil && strings.Contains(err.Error(), ": config."); refused == want {
			t.Errorf("arch: %v, manifest: %v", config.Validate(), err)
		}
	})
	if valid == 0 || invalid == 0 {
		t.Errorf("%d valid and %d invalid configurations were drawn", valid, invalid)
	}
}

// manifestOf returns a manifest that has config instead of the name of an architecture.
func manifestOf(t *rapid.T, text string, config arch.Config) string {
	raw, err := yaml.Marshal(struct {
		Config arch.Config `yaml:"config"`
	}{config})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(text, "architecture: tiny_p16_32\n", string(raw), 1)
}
