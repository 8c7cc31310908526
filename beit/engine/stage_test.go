package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
)

// forward has the names of the activations of a model of twelve blocks, in order. Recordings have these names.
var forward = strings.Fields(`embed
	blocks.0.attn blocks.0 blocks.1.attn blocks.1 blocks.2.attn blocks.2 blocks.3.attn blocks.3 blocks.4.attn blocks.4 blocks.5.attn blocks.5
	blocks.6.attn blocks.6 blocks.7.attn blocks.7 blocks.8.attn blocks.8 blocks.9.attn blocks.9 blocks.10.attn blocks.10 blocks.11.attn blocks.11
	pool logits`)

func TestStages_Order(t *testing.T) {
	t.Parallel()
	names := func(config arch.Config) []string {
		var names []string
		for _, s := range engine.Stages(config) {
			names = append(names, s.String())
		}
		return names
	}
	if diff := cmp.Diff(forward, names(arch.Config{Depth: 12, Classes: 1000})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(forward[:len(forward)-1], names(arch.Config{Depth: 12})); diff != "" {
		t.Errorf("without a head: %s", diff)
	}
	if diff := cmp.Diff([]string{"embed", "pool", "logits"}, names(arch.Config{Classes: 2})); diff != "" {
		t.Errorf("without blocks: %s", diff)
	}
}

func TestParseStage_IsTheInverseOfString(t *testing.T) {
	t.Parallel()
	var parsed []engine.Stage
	for _, name := range forward {
		s, err := engine.ParseStage(name)
		if err != nil || s.String() != name {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		parsed = append(parsed, s)
	}
	if diff := cmp.Diff(engine.Stages(arch.Config{Depth: 12, Classes: 1}), parsed); diff != "" {
		t.Error(diff)
	}
}

func TestParseStage_Errors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "blocks", "blocks.", "blocks.x", "blocks.-1", "blocks.+1", "blocks.01", "blocks.1048576", "blocks.99999999999999999999", "blocks.1.", "blocks..attn",
		"blocks.1.mlp", "attn", "Embed", "embed.", "logits2", "pool.attn", "blocks.{i}", "blocks.{i}.attn",
	} {
		s, err := engine.ParseStage(name)
		var unknown *engine.UnknownStageError
		if !errors.As(err, &unknown) || unknown.Hint() == "" || !errors.Is(errdef.Kind(err), errdef.ErrInput) || s != (engine.Stage{}) {
			t.Errorf("%q: %v, error %v", name, s, err)
		}
	}
}

func TestStage_CompareIsTheOrderOfStages(t *testing.T) {
	t.Parallel()
	stages := engine.Stages(arch.Config{Depth: 12, Classes: 1})
	for i, a := range stages {
		for j, b := range stages {
			if got := a.Compare(b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s compared with %s: %d", a, b, got)
			}
		}
	}
	reversed := slices.Clone(stages)
	slices.Reverse(reversed)
	slices.SortFunc(reversed, engine.Stage.Compare)
	if diff := cmp.Diff(stages, reversed); diff != "" {
		t.Error(diff)
	}
}

func TestStage_Inputs(t *testing.T) {
	t.Parallel()
	two := arch.Config{Depth: 2}
	segmenter, err := arch.ByName("tiny_seg_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	segmenter.Segmentation.Taps = [arch.Levels]arch.Tap{arch.TapEmbed, 2, 2, 5}
	for _, c := range []struct {
		stage  string
		config arch.Config
		inputs string
	}{
		{"embed", two, ""},
		{"blocks.0.attn", two, "embed"},
		{"blocks.0", two, "embed"},
		{"blocks.1.attn", two, "blocks.0"},
		{"blocks.1", two, "blocks.0"},
		{"pool", two, "blocks.1"},
		{"pool", arch.Config{}, "embed"},
		{"logits", two, "pool"},
		{"features.0", segmenter, "embed"},
		{"features.1", segmenter, "blocks.2"},
		{"features.3", segmenter, "blocks.5"},
		{"laterals.2", segmenter, "features.2"},
		{"pyramid", segmenter, "features.3"},
		{"fused", segmenter, "laterals.0 laterals.1 laterals.2 pyramid"},
		{"logits", segmenter, "fused"},
		{"logits_full", segmenter, "logits"},
		{"auxiliary_logits", segmenter, "features.2"},
	} {
		s, err := engine.ParseStage(c.stage)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, input := range s.Inputs(c.config) {
			names = append(names, input.String())
		}
		if got := strings.Join(names, " "); got != c.inputs {
			t.Errorf("%s of %d blocks is computed from %q, not %q", c.stage, c.config.Depth, got, c.inputs)
		}
	}
}

// TestStage_Uses makes sure that blocks, and nothing else, use the table that they share.
func TestStage_Uses(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"embed": false, "blocks.0": true, "blocks.2.attn": true, "pool": false, "logits": false} {
		s, err := engine.ParseStage(name)
		if err != nil || s.Uses(arch.Config{}, "rel_pos_bias.relative_position_bias_table") != want || s.Uses(arch.Config{}, "blocks.2.gamma_1") != (name == "blocks.2.attn") {
			t.Errorf("%s, error %v", name, err)
		}
	}
}

// TestStage_BeforeOfTokenizers makes sure that each stage of a tokenizer but the first is computed from one that comes before it.
func TestStage_BeforeOfTokenizers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"digits_dvae_encoder": "embed blocks.0 blocks.1 blocks.2 blocks.3 logits tokens",
		"digits_dvae_decoder": "embed blocks.0 blocks.1 blocks.2 blocks.3 decoded picture",
		"tiny_seg_p16_48": "embed blocks.0.attn blocks.0 blocks.1.attn blocks.1 blocks.2.attn blocks.2 blocks.3.attn blocks.3 blocks.4.attn blocks.4 " +
			"blocks.5.attn blocks.5 features.0 features.1 features.2 features.3 laterals.0 laterals.1 laterals.2 pyramid fused logits logits_full auxiliary_logits",
		"tiny_vqkd_p16_64": "embed blocks.0.attn blocks.0 blocks.1.attn blocks.1 blocks.2.attn blocks.2 pool codes tokens " +
			"decoder.embed decoder.blocks.0.attn decoder.blocks.0 decoder.pool target",
	} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for i, s := range engine.Stages(config) {
			names = append(names, s.String())
			if parsed, err := engine.ParseStage(s.String()); err != nil || parsed != s {
				t.Errorf("%s is parsed as %v, %v", s, parsed, err)
			}
			inputs := s.Inputs(config)
			if len(inputs) > 0 != (i > 0) {
				t.Errorf("%s: %s is computed from %d stages", name, s, len(inputs))
			}
			for _, before := range inputs {
				if !slices.Contains(engine.Stages(config)[:i], before) || before.Compare(s) >= 0 {
					t.Errorf("%s: %s comes before %s", name, before, s)
				}
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s has the stages %s", name, got)
		}
	}
}

// TestStage_ReadsCoversAllParameters makes sure that each parameter is read by one stage, or, in a block, by both of its stages.
func TestStage_ReadsCoversAllParameters(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"beit_base_p16_224", "tiny_mim_p16_64", "tiny_vqkd_p16_64", "dvae_encoder_112", "digits_dvae_decoder", "tiny_seg_p16_64"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		config.AbsolutePosition = true
		for _, p := range config.Params() {
			var readers []engine.Stage
			for _, s := range engine.Stages(config) {
				if s.Reads(config, p.Name) {
					readers = append(readers, s)
				}
			}
			want := 1
			if block := strings.Contains(p.Name, "blocks.") && !config.Convolutional(); block || p.Name == "quantize.embedding.weight" {
				want = 2 // the decoder of VQ-KD begins with codes
			} else if strings.HasPrefix(p.Name, "quantize.") {
				want = 0 // statistics of the training
			}
			if len(readers) != want || want == 2 && readers[0].Block != readers[1].Block {
				t.Errorf("%s is read by %v", p.Name, readers)
			}
		}
	}
}
