package beitzoo_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

const family = "testdata/family/"

// members are the files of testdata/family, which have the programs' own recordings beside them: see make.py there.
var members = []struct {
	file, scheme string
	// heads is stated where no parameter tells it.
	heads int
	// config is what is special about the architecture; the rest is in base.
	config func(*arch.Config)
	// tolerance is how far results may be from the recording, relative to the largest of them.
	tolerance float64
	// nameless are the schemes that have no place for the model.
	nameless []string
}{
	{file: "timm_both_biases.float64.safetensors", scheme: naming.Timm},
	{file: "timm_both_biases.float32.safetensors", scheme: naming.Timm, tolerance: 1e-6}, // sums are rounded to float32
	{file: "timm_one_channel.safetensors", scheme: naming.Timm, config: func(c *arch.Config) { c.Channels = 1 }},
	{file: "timm_five_channels.safetensors", scheme: naming.Timm, config: func(c *arch.Config) { c.Channels = 5 }},
	{file: "timm_headless.safetensors", scheme: naming.Timm, config: func(c *arch.Config) { c.Classes = 0 }},
	{file: "timm_headless_token.safetensors", scheme: naming.Timm, config: func(c *arch.Config) { c.Classes, c.Pooling = 0, arch.ClassToken }},
	{file: "timm_headless_unpooled.safetensors", scheme: naming.Timm, config: func(c *arch.Config) { c.Classes, c.Pooling = 0, arch.ClassToken }},
	{file: "timm_features_only.safetensors", scheme: naming.Timm, config: features},
	{file: "timm_eva_giant.safetensors", scheme: naming.Timm, heads: 4, config: func(c *arch.Config) {
		c.Bias, c.AbsolutePosition, c.LayerScale, c.HiddenDim = arch.NoBias, true, false, 104 // 6144 / 1408 times the width
	}},
	{file: "hf_both_biases", scheme: naming.HF},
	{file: "hf_model", scheme: naming.HF, config: func(c *arch.Config) { c.Classes = 0 }},
	{file: "hf_model_token", scheme: naming.HF, config: func(c *arch.Config) { c.Classes, c.Pooling = 0, arch.ClassToken }},
	{file: "hf_model_unpooled", scheme: naming.HF, config: features},
	{file: "hf_backbone", scheme: naming.HF, config: features},
	{file: "hf_masked", scheme: naming.HF, config: masked, nameless: []string{naming.Data2Vec}},
	{file: "hf_masked_without_token", scheme: naming.HF, nameless: []string{naming.Data2Vec}, config: func(c *arch.Config) {
		masked(c)
		c.MaskToken = false
	}},
	{file: "data2vec_classifier", scheme: naming.Data2Vec},
	{file: "data2vec_model", scheme: naming.Data2Vec, config: func(c *arch.Config) { c.Classes, c.Pooling, c.Bias = 0, arch.ClassToken, arch.SharedBias }},
	{file: "data2vec_regression.pth", scheme: naming.Unilm, nameless: []string{naming.Data2Vec, naming.HF}, config: func(c *arch.Config) {
		masked(c)
		c.Classes, c.Regression = c.EmbedDim, true
	}},
	{file: "openmmlab_classifier.pth", scheme: naming.OpenMMLab},
	{file: "openmmlab_masked.pth", scheme: naming.OpenMMLab, config: masked, nameless: []string{naming.Data2Vec}},
	{file: "openmmlab_v2.pth", scheme: naming.OpenMMLab, config: branch, nameless: []string{naming.Data2Vec, naming.HF, naming.PASSL, naming.PaddleViT, naming.Timm}},
	{file: "openmmlab_mmseg_backbone.pth", scheme: naming.OpenMMLab, config: features},
	{file: "unilm_v2.pth", scheme: naming.Unilm, config: branch, nameless: []string{naming.Data2Vec, naming.HF, naming.PASSL, naming.PaddleViT, naming.Timm}},
	{
		file: "unilm_v2_own_head.pth", scheme: naming.Unilm, config: func(c *arch.Config) {
			branch(c)
			c.ClassHead = true
		},
		nameless: []string{naming.Data2Vec, naming.HF, naming.OpenMMLab, naming.PASSL, naming.PaddleViT, naming.Timm},
	},
}

func features(c *arch.Config) { c.Classes, c.Pooling = 0, arch.NoPooling }

func masked(c *arch.Config) {
	c.Classes, c.Pooling, c.Bias, c.MaskToken = 7, arch.AllTokens, arch.SharedBias, true
}

func branch(c *arch.Config) {
	masked(c)
	c.ClassBlocks = 2
}

// openMember opens a file of testdata/family, and checks what it is read as.
func openMember(t *testing.T, i int) *convert.Model {
	t.Helper()
	member := members[i]
	want := arch.Config{
		ImageHeight: 12, ImageWidth: 12, PatchSize: 4, Channels: 3, EmbedDim: 24, HiddenDim: 48, Depth: 2, Heads: 4, Classes: 5,
		Pooling: arch.MeanPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: arch.Epsilon,
	}
	if member.config != nil {
		member.config(&want)
	}
	if info, err := os.Stat(family + member.file); err == nil && info.IsDir() {
		want.Epsilon = arch.EpsilonHF
	}
	model, err := convert.Open(t.Context(), family+member.file, convert.OpenOptions{Heads: member.heads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	if model.Config != want || model.Scheme != member.scheme {
		t.Errorf("read as %+v under the names of %s, want %+v", model.Config, model.Scheme, want)
	}
	return model
}

// TestFamily_ComputesWhatItsProgramsComputed runs each member in float64, as its own program did.
func TestFamily_ComputesWhatItsProgramsComputed(t *testing.T) {
	t.Parallel()
	for i, member := range members {
		t.Run(member.file, func(t *testing.T) {
			t.Parallel()
			model := openMember(t, i)
			name := strings.TrimSuffix(strings.TrimSuffix(member.file, ".safetensors"), ".pth")
			recorded, err := recording.Read(t.Context(), family+name+".recording.safetensors")
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := native.Engine{}.Load(t.Context(), model.Config, model.Tensors, engine.Options{DType: tensor.F64})
			if err != nil {
				t.Fatal(err)
			}
			defer loaded.Close()
			seen := map[string]engine.Activation{}
			_, err = loaded.Forward(t.Context(), engine.Input{Pixels: recorded.Pixels, Mask: recorded.Mask}, func(a engine.Activation) error {
				seen[a.Name] = a
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(recorded.Activations) < 2 {
				t.Errorf("the recording has %d activations", len(recorded.Activations))
			}
			for _, want := range recorded.Activations {
				got := seen[want.Name]
				if !got.Shape.Equal(want.Shape) {
					t.Errorf("%s has shape %s, want %s", want.Name, got.Shape, want.Shape)
					continue
				}
				largest, off := 0.0, 0.0
				for i, v := range want.Values {
					largest, off = max(largest, math.Abs(v)), max(off, math.Abs(got.Values[i]-v))
				}
				if !(off <= largest*max(member.tolerance, 1e-14)) {
					t.Errorf("%s is off by %g of %g", want.Name, off, largest)
				}
			}
		})
	}
}

// TestFamily_ThereAndBack writes each member under the names of every scheme, and reads it back from there.
func TestFamily_ThereAndBack(t *testing.T) {
	t.Parallel()
	for i, member := range members {
		t.Run(member.file, func(t *testing.T) {
			t.Parallel()
			model := openMember(t, i)
			for _, scheme := range naming.NamesFor(arch.Transformer) {
				for _, ending := range []string{".safetensors", ".pdparams", ""} {
					record, err := naming.ByName(scheme)
					if err != nil {
						t.Fatal(err)
					}
					if ending == "" && (!record.Folder || scheme == naming.Timm && (model.Config.Masked() || model.Config.Pooling == arch.NoPooling)) {
						continue
					}
					target := filepath.Join(t.TempDir(), "model"+ending)
					if ending == "" {
						target += "/"
					}
					options := convert.Options{
						OpenOptions: convert.OpenOptions{Heads: member.heads}, SaveOptions: convert.SaveOptions{To: scheme, Prove: true, NoSync: true},
						AllowLossy: []string{adapt.StepTables},
					}
					_, err = convert.Convert(t.Context(), family+member.file, target, options)
					var nameless *naming.NoNameError
					if want := slices.Contains(member.nameless, scheme); errors.As(err, &nameless) != want || !want && err != nil {
						t.Errorf("%s: %v", scheme, err)
					}
					if err != nil {
						continue
					}
					heads := 0
					if ending == ".pdparams" {
						heads = member.heads
					}
					back, err := convert.Open(t.Context(), target, convert.OpenOptions{From: scheme, Heads: heads})
					if err != nil {
						t.Errorf("%s%s: %v", scheme, ending, err)
						continue
					}
					got, want := back.Config, model.Config
					got.Epsilon = want.Epsilon
					if got != want {
						t.Errorf("%s%s: read back as %+v, want %+v", scheme, ending, got, want)
					}
					back.Close()
				}
			}
		})
	}
}

// relative is what becomes of a file that other programs wrote, for which there is no recording.
type relative struct {
	file    string
	options convert.OpenOptions
	check   func(m *convert.Model) bool
	// notes are parts of what is said about it.
	notes []string
}

// TestFamily_Relatives reads what people bring: see the README of testdata.
func TestFamily_Relatives(t *testing.T) {
	t.Parallel()
	tiny, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	pooling := func(p arch.Pooling, classes int) func(*convert.Model) bool {
		return func(m *convert.Model) bool {
			return m.Config.Pooling == p && m.Config.Classes == classes && !m.Config.MaskToken
		}
	}
	for _, c := range []relative{
		{file: "beitmodel_no_pooler", check: pooling(arch.NoPooling, 0)},
		{file: "beitmodel_pooler_True", check: pooling(arch.MeanPooling, 0), notes: []string{"left out 1 tensor of 128 bytes: the model ends without a head"}},
		{file: "backbone.bin", check: pooling(arch.NoPooling, 0)},
		{file: "unilm_pretrained_encoder.pth", check: func(m *convert.Model) bool { return m.Config.Masked() && m.Config.MaskToken && m.Config.Classes == 0 }},
		{file: "mmpretrain.pth", check: func(m *convert.Model) bool { return m.Config == tiny && m.Scheme == naming.OpenMMLab }},
		{file: "data2vec.bin", check: func(m *convert.Model) bool {
			same := m.Config
			same.Epsilon = tiny.Epsilon
			return same == tiny && m.Config.Epsilon == arch.EpsilonHF && m.Scheme == naming.Data2Vec
		}, notes: []string{"epsilon 1e-12 is a guess: it is the default of Hugging Face"}},
		{file: "gray.pth", check: func(m *convert.Model) bool { return m.Config.Channels == 1 && m.Config.Classes == 10 }},
		{file: "key_half.pth", check: func(m *convert.Model) bool { return m.Config.Classes == 5 }, notes: []string{
			`"beit.layers.0.attention.k_proj.weight", which is F16, became F32, which has all its values`,
		}},
		{file: "hf_4_heads", check: func(m *convert.Model) bool { return m.Config.Heads == 4 && m.HeadsFrom == "" }},
		{file: "hf_16x24", check: func(m *convert.Model) bool { return m.Config.ImageHeight == 16 && m.Config.ImageWidth == 24 }},
		{file: "timm_eva_giant_small.pth", options: convert.OpenOptions{Heads: 16}, check: func(m *convert.Model) bool { return m.Config.Heads == 16 }},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			model, err := convert.Open(t.Context(), family+"cases/"+c.file, c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			if !c.check(model) {
				t.Errorf("read as %+v under the names of %s", model.Config, model.Scheme)
			}
			for _, note := range c.notes {
				if !strings.Contains(strings.Join(model.Notes, "\n"), note) {
					t.Errorf("nothing says %q: %q", note, model.Notes)
				}
			}
		})
	}
	for file, want := range map[string]any{"mim_two_norms": new(*naming.TwoNormsError), "timm_eva_giant_small.pth": new(*arch.InferenceError)} {
		if _, err := convert.Open(t.Context(), family+"cases/"+file, convert.OpenOptions{}); !errors.As(err, want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestFamily_WhatWasToldIsNotLost takes heads and window, which config.json alone tells, through each format: what the file can't say is listed as lost, and
// else it is read back without being told again.
func TestFamily_WhatWasToldIsNotLost(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"hf_4_heads", "hf_16x24"} {
		original, err := convert.Open(t.Context(), family+"cases/"+file, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer original.Close()
		for _, ending := range []string{".safetensors", ".pth", ".pdparams"} {
			target := filepath.Join(t.TempDir(), "model"+ending)
			report, err := convert.Convert(t.Context(), family+"cases/"+file, target, convert.Options{SaveOptions: convert.SaveOptions{To: naming.Unilm, Prove: true, NoSync: true}})
			if err != nil {
				t.Fatal(err)
			}
			var options convert.OpenOptions
			for _, loss := range report.Saved.Lost {
				if loss.Item == card.Heads {
					options.Heads = original.Config.Heads
				}
			}
			// unilm's index buffers tell the window.
			if stated := options.Heads != 0; stated != (ending != ".safetensors" && file == "hf_4_heads") {
				t.Errorf("%s%s: lost %v", file, ending, report.Saved.Lost)
			}
			back, err := convert.Open(t.Context(), target, options)
			if err != nil || back.Config.Heads != original.Config.Heads || back.Config.ImageHeight != original.Config.ImageHeight {
				t.Errorf("%s%s: read back with %+v as %+v, %v", file, ending, options, back, err)
			}
			if err == nil {
				back.Close()
			}
		}
	}
}
