package naming

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// everyKind returns every named architecture, with at most 3 blocks, and one with choices that none of them combines.
func everyKind() []arch.Config {
	var configs []arch.Config
	for _, name := range arch.Names() {
		config, _ := arch.ByName(name)
		if !config.Convolutional() {
			config = Shallow(config, 3)
		}
		configs = append(configs, config)
	}
	corner := configs[0]
	corner.Pooling, corner.AbsolutePosition, corner.Bias = arch.ClassToken, true, arch.SharedBias
	masked, _ := arch.ByName("tiny_mim_p16_64")
	branch, regression, features, encoder := masked, masked, configs[0], masked
	encoder.Classes, branch.ClassBlocks, branch.Bias = 0, 2, arch.BlockBias
	withHead := branch
	withHead.ClassHead = true
	regression.Classes, regression.Regression = regression.EmbedDim, true
	features.Classes, features.Pooling = 0, arch.NoPooling
	wide := arch.Config{Kind: arch.DVAEEncoder, ImageHeight: 128, ImageWidth: 128, PatchSize: 1 << (mostGroups - 1), Channels: 3, EmbedDim: 8, Depth: mostGroups, Classes: 5}
	tokens, _ := arch.ByName("vqkd_base_p16_224")
	tokens.Name, tokens.Codebook.Usage = "", true
	for _, change := range []func(*arch.Config){
		func(c *arch.Config) { c.Segmentation.Counters = false },
		func(c *arch.Config) { c.Segmentation.AuxiliaryChannels = 0 },
		func(c *arch.Config) { c.Bias, c.AbsolutePosition, c.LayerScale = arch.SharedBias, true, false },
		func(c *arch.Config) {
			c.Bias, c.AbsolutePosition, c.Segmentation.Counters = arch.SharedBias, true, false
		},
	} {
		segments, _ := arch.ByName("tiny_seg_p16_64")
		segments.Name = ""
		change(&segments)
		configs = append(configs, segments)
	}
	return append(configs, corner, branch, withHead, regression, features, encoder, wide, tokens)
}

// lacks returns the part of a model for which a scheme has no names, or "". It says what the programs' sources say: open-mmlab/mmpretrain shares norm and head
// with the branch of the class token, and huggingface/transformers has neither the branch nor a class that regresses, nor any with a head over patches for
// data2vec-vision.
func lacks(scheme string, config arch.Config) Part {
	switch segmenters := []string{Unilm, Canonical, OpenMMLab, HF, Data2Vec, PaddleSeg}; {
	case scheme == PaddleSeg && !config.Segments(), config.Segments() && !slices.Contains(segmenters, scheme):
		return WholeModel
	case config.Segments() && config.Segmentation.Counters && scheme == PaddleSeg:
		return Counters
	case config.Segments():
		return ""
	}
	switch dvae := scheme == Unilm || scheme == PASSL || scheme == OpenAI || scheme == Canonical; {
	case config.Convolutional() && config.Groups() != 4 && scheme != Canonical && (dvae || (scheme == OpenMMLab || scheme == FLAVA) && config.Kind == arch.DVAEEncoder):
		return OtherGroups
	case config.Kind == arch.DVAEEncoder && !dvae && scheme != OpenMMLab && scheme != FLAVA, config.Kind == arch.DVAEDecoder && !dvae:
		return WholeModel
	case config.Kind == arch.VQKD && scheme == OpenMMLab && config.Codebook.Statistics:
		return TrainingParts
	case config.Kind == arch.VQKD && scheme != Unilm && scheme != Canonical && scheme != OpenMMLab, config.Kind == arch.Transformer && (scheme == OpenAI || scheme == FLAVA):
		return WholeModel
	case config.Kind != arch.Transformer:
		return ""
	}
	names := map[string]bool{Unilm: true, Canonical: true, OpenMMLab: !config.ClassHead}
	switch transformers := scheme == HF || scheme == Data2Vec; {
	case config.Regression && transformers:
		return RegressionHead
	case config.Masked() && config.Classes > 0 && scheme == Data2Vec:
		return MaskedHead
	case config.ClassBlocks > 0 && !names[scheme]:
		return ClassBranch
	}
	return ""
}

func TestWrite_SaysWhatASchemeHasNoNamesFor(t *testing.T) {
	t.Parallel()
	for _, s := range schemes {
		for _, config := range everyKind() {
			var tensors []tensor.Named
			for _, p := range config.Params() {
				tensors = append(tensors, tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.F32, Shape: p.Shape}})
			}
			_, err := Write(s.Name, config, tensors, WriteOptions{})
			var absent *NoNameError
			if want := lacks(s.Name, config); errors.As(err, &absent) != (want != "") || want != "" && (absent.Part != want || len(absent.Schemes) == 0 || absent.Hint() == "") {
				t.Errorf("%s, %+v: %v, want %q", s.Name, config, err, want)
			}
		}
	}
}

func TestTablesCoverEveryParameterExactly(t *testing.T) {
	t.Parallel()
	for _, s := range schemes {
		used := map[string]bool{}
		for _, config := range everyKind() {
			if lacks(s.Name, config) != "" {
				continue
			}
			for _, wrapper := range wrappersOf(s, config) {
				names := map[string]string{}
				for _, p := range config.Params() {
					r, block := s.tableOf(config).writing(p.Name, config, wrapper)
					if r == nil {
						t.Errorf("%s has no row for %s", s.Name, p.Name)
						continue
					}
					used[r.canonical[0]+r.foreign[0]] = true
					for _, pattern := range r.foreign {
						name := fill(pattern, block)
						if other, taken := names[name]; taken {
							t.Errorf("%s calls both %s and %s %s", s.Name, other, p.Name, name)
						}
						names[name] = p.Name
					}
				}
			}
		}
		for _, r := range rowsOf(s) {
			if !r.readOnly && !used[r.canonical[0]+r.foreign[0]] {
				t.Errorf("%s: the row for %s serves no architecture", s.Name, r.canonical[0])
			}
		}
	}
}

// rowsOf returns the rows of all tables of a scheme.
func rowsOf(s *Scheme) []row {
	var rows []row
	for f := range families {
		if t := s.table(f); t != nil {
			rows = append(rows, t.rows...)
		}
	}
	return rows
}

// allTables returns the tables of all schemes.
func allTables() []*table {
	var tables []*table
	for _, s := range schemes {
		for f := range families {
			if t := s.table(f); t != nil {
				tables = append(tables, t)
			}
		}
	}
	return tables
}

// wrappersOf returns the names of a scheme's wrappers for a model; none, as one empty name, if the scheme has none.
func wrappersOf(s *Scheme, config arch.Config) []string {
	if names := s.WrappersFor(config); len(names) > 0 {
		return names
	}
	return []string{""}
}

// A foreign name means one thing, and so does a canonical one among the rows that write.
func TestTablesDoNotCollide(t *testing.T) {
	t.Parallel()
	for _, s := range allTables() {
		meaning := map[string]string{}
		for _, r := range s.rows {
			for place, pattern := range r.foreign {
				key := strings.TrimPrefix(pattern, s.prefix)
				what := strings.Join(r.canonical, "+") + string(rune('0'+place))
				if other, taken := meaning[key]; taken && other != what {
					t.Errorf("%s: %s means %s and %s", s.Name, pattern, other, what)
				}
				meaning[key] = what
				if got, block := split(fill(pattern, 7)); strings.Contains(pattern, "{i}") && s.family != dvaeFamily && (got != pattern || block != 7) {
					t.Errorf("%s: %s with a number is read as %s of block %d", s.Name, pattern, got, block)
				}
			}
		}
		for pattern := range s.index {
			if _, taken := meaning[pattern]; taken {
				t.Errorf("%s: %s is both a parameter and an index", s.Name, pattern)
			}
		}
	}
}

func TestOnlyLinearWeightsAreTransposed(t *testing.T) {
	t.Parallel()
	want := []string{
		"blocks.{i}.attn.proj.weight", "blocks.{i}.attn.qkv.weight", "blocks.{i}.mlp.fc1.weight", "blocks.{i}.mlp.fc2.weight", "head.weight", "lm_head.weight",
	}
	for _, s := range schemes {
		var got []string
		for _, r := range rowsOf(s) {
			if strings.Contains(r.operation.Name, "transposed") && !slices.Contains(got, r.canonical[0]) {
				got = append(got, r.canonical[0])
			}
			if r.operation.Name != "" && r.operation.Lossy && len(r.canonical) > 0 {
				t.Errorf("%s: the operation for %v loses something", s.Name, r.canonical)
			}
		}
		slices.Sort(got)
		want := want
		if s.Name == PaddleSeg { // which has no linear heads
			want = want[:4]
		}
		if !s.transposed {
			want := []string(nil)
			if !slices.Equal(got, want) {
				t.Errorf("%s transposes %v", s.Name, got)
			}
		} else if !slices.Equal(got, want) {
			t.Errorf("%s transposes %v, want %v", s.Name, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, pattern string
		block         int
	}{
		{"blocks.11.gamma_1", "blocks.{i}.gamma_1", 11},
		{"0.x", "{i}.x", 0},
		{"a.5", "a.{i}", 5},
		{"gamma_1", "gamma_1", -1},
		{"blocks.01.x", "blocks.01.x", -1},
		{"blocks.99999999999999999999.x", "blocks.99999999999999999999.x", -1},
		{"a..b", "a..b", -1},
		{"", "", -1},
		{"blocks.1.x.2", "blocks.{i}.x.2", 1},
		{"blocks.group_2.block_13.res_path.conv_1.w", "blocks.group_2.block_{i}.res_path.conv_1.w", 13},
		{"blocks.group_2.block_01.id_path.w", "blocks.group_2.block_01.id_path.w", -1},
		{"block_1.x", "block_1.x", -1},
	} {
		if pattern, block := split(c.name); pattern != c.pattern || block != c.block {
			t.Errorf("split(%q) = %q, %d", c.name, pattern, block)
		}
	}
}

// The layout of a square weight cannot be recognised if there is no other tensor.
func TestTieIsAnError(t *testing.T) {
	t.Parallel()
	var tensors []tensor.Named
	for _, name := range []string{"blocks.0.attn.proj.weight", "blocks.0.attn.proj.bias", "cls_token"} {
		tensors = append(tensors, tensor.Named{Name: name, View: tensor.View{DType: tensor.F32, Shape: tensor.Shape{4, 4}}})
	}
	_, err := Read(t.Context(), tensors, Options{})
	var tie *TieError
	if !errors.As(err, &tie) || !slices.Contains(tie.Schemes, Unilm) || !slices.Contains(tie.Schemes, PaddleViT) && !slices.Contains(tie.Schemes, PASSL) {
		t.Errorf("got %v, want a tie of a torch and a Paddle scheme", err)
	}
}

func TestEveryOperationOfTheTablesHasAnInverse(t *testing.T) {
	t.Parallel()
	config, _ := arch.ByName("tiny_p16_32")
	for _, s := range schemes {
		if lacks(s.Name, config) != "" {
			continue
		}
		for _, p := range config.Params() {
			r, _ := s.tableOf(config).writing(p.Name, config, "")
			foreign, err := r.operation.Inverse().Apply(tensor.View{DType: tensor.F32, Shape: p.Shape})
			if err != nil || len(foreign) != len(r.foreign) {
				t.Errorf("%s, %s: %d tensors, %v", s.Name, p.Name, len(foreign), err)
				continue
			}
			back, err := r.operation.Apply(foreign...)
			if err != nil || len(back) != 1 || !back[0].Shape.Equal(p.Shape) {
				t.Errorf("%s, %s: came back as %v, %v", s.Name, p.Name, back, err)
			}
		}
	}
	if transform.DropZero().Lossy != true {
		t.Error("dropping zeros is marked as lossless")
	}
}
