package manifests_test

import (
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

var known = zoo.Known()

// all returns every manifest.
func all(t testing.TB) []*manifest.Document {
	t.Helper()
	files, err := fs.Glob(manifests.Files, "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var documents []*manifest.Document
	for _, name := range files {
		raw, err := fs.ReadFile(manifests.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := manifest.Parse(name, raw)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, document)
	}
	return documents
}

func byID(t testing.TB, id string) *manifest.Document {
	t.Helper()
	for _, document := range all(t) {
		if document.ID == id {
			return document
		}
	}
	t.Fatalf("there is no %s", id)
	return nil
}

// TestManifests validates every manifest and compares what can be computed: file name, sizes of sources, recipes.
func TestManifests(t *testing.T) {
	t.Parallel()
	addresses := map[string]string{}
	for _, document := range all(t) {
		t.Run(document.File, func(t *testing.T) {
			if err := document.Validate(known); err != nil {
				t.Error(err)
			}
			config, err := zoo.Architecture(&document.Manifest)
			if err != nil {
				t.Fatal(err)
			}
			checkFile(t, document)
			for _, source := range document.Sources {
				checkSource(t, config, source)
				if other := addresses[source.Address]; other != "" {
					t.Errorf("%s and %s have the same source %s", other, document.ID, source.Address)
				}
				addresses[source.Address] = document.ID
			}
			for _, p := range document.Preprocessing {
				checkPreprocessing(t, config, p)
			}
		})
	}
}

// checkFile makes sure that the file is NAME.yaml for the latest version and NAME@VERSION.yaml for others.
func checkFile(t *testing.T, document *manifest.Document) {
	t.Helper()
	name, version, versioned := strings.Cut(strings.TrimSuffix(document.File, ".yaml"), "@")
	if name != document.ID || versioned && version != document.Version {
		t.Errorf("the file holds %s", document.Reference())
	}
	if versioned && manifest.CompareVersions(version, byID(t, name).Version) >= 0 {
		t.Errorf("version %s is not earlier than that of %s.yaml", version, name)
	}
}

// checkSource compares the estimate with the size of a float32 checkpoint whose index buffers are 64-bit integers, stored once or for each block.
func checkSource(t *testing.T, config arch.Config, source manifest.Source) {
	t.Helper()
	index := int64(config.Tokens()) * int64(config.Tokens()) * 8
	want := 4 * config.Parameters()
	for _, p := range config.Params() {
		if p.Buffer { // statistics of batch norms in float32, and their counters
			elements, err := p.Shape.Elements()
			if err != nil {
				t.Fatal(err)
			}
			want += elements * map[bool]int64{true: 8, false: 4}[p.Counter]
		}
	}
	switch config.Bias {
	case arch.BlockBias:
		want += int64(config.Depth) * index
	case arch.SharedBias:
		want += index
	}
	if source.Estimate != 0 && source.Estimate != want {
		t.Errorf("source %s: the estimate is %d, the computed size %d", source.Name, source.Estimate, want)
	}
	if source.Estimate == 0 && source.Size == 0 {
		t.Errorf("source %s has neither a size nor an estimate", source.Name)
	}
}

func checkPreprocessing(t *testing.T, config arch.Config, p manifest.Preprocessing) {
	t.Helper()
	want, err := card.RecipeFor(p.Source, config.ImageHeight)
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff(want, p.Recipe); diff != "" {
		t.Errorf("preprocessing of %s: %s", p.Source, diff)
	}
}

// TestManifests_PublishedFigures compares what the publishers state: numbers of parameters by the tables of unilm, transformers and timm, and the digits of
// the digest that end OpenMMLab's file names.
func TestManifests_PublishedFigures(t *testing.T) {
	t.Parallel()
	for id, parameters := range map[string]int64{
		"dit_base_p16_224": 92_108_288, "dit_large_p16_224": 311_724_032, "dit_base_p16_224_rvlcdip": 85_820_176, "dit_large_p16_224_rvlcdip": 303_342_608,
		"data2vec_base_p16_224": 86_256_720, "data2vec_base_p16_224_in1k": 86_530_984, "beitv2_base_p16_224": 106_143_056, "beitv2_large_p16_224": 336_728_512,
		"eva_giant_p14_224_clip_in1k": 1_012_555_112, "eva_giant_p14_336_in22k_in1k": 1_013_005_672, "eva_giant_p14_560_in22k_in1k": 1_014_447_464,
		"openmmlab_beit_base_p16_224_in1k": 86_530_984,
	} {
		if got := byID(t, id).Parameters; got != parameters {
			t.Errorf("%s: %d parameters, want %d", id, got, parameters)
		}
	}
	for id, parameters := range map[string]int64{"openai_dvae_encoder": 53_786_240, "openai_dvae_decoder": 43_829_766} { // by OpenAI's classes
		if got := byID(t, id).Parameters; got != parameters {
			t.Errorf("%s: %d parameters, want %d", id, got, parameters)
		}
	}
	stated := 0
	for _, document := range all(t) {
		for _, source := range document.Sources {
			if source.Scheme != "openmmlab" || strings.HasSuffix(source.Address, "/dalle_encoder.pth") { // of which not even the name tells a digest
				continue
			}
			stated++
			if !strings.HasSuffix(source.Address, "-"+source.DigestPrefix+".pth") {
				t.Errorf("%s: %s does not end with %s", document.ID, source.Address, source.DigestPrefix)
			}
		}
	}
	if stated != 8 {
		t.Errorf("%d files of OpenMMLab, want 8", stated)
	}
}

// TestManifests_MaskedAccuracy compares with what is published: the last line of the log of BEiT base (microsoft/unilm issue 383), which has "train_mlm_acc":
// 0.04961304235011339 and "train_loss": 6.299410108470917, and "about 16%" of BEiT v2 large (issue 885). None is of the weights themselves, and each says so.
func TestManifests_MaskedAccuracy(t *testing.T) {
	t.Parallel()
	type level struct{ percent, rounding, loss float64 }
	base := level{math.Round(0.04961304235011339*1e6) / 1e4, 0, math.Round(6.299410108470917*1e4) / 1e4}
	got := map[string]level{}
	for _, document := range all(t) {
		for _, a := range document.MaskedAccuracy {
			got[document.ID] = level{a.Percent, a.Rounding, a.Loss}
			if a.Run == "" || !strings.HasPrefix(a.Origin, "microsoft/unilm issue ") {
				t.Errorf("%s: %+v", document.ID, a)
			}
		}
	}
	want := map[string]level{
		"beit_base_p16_224_pt22k": base, "beit_base_p16_224_pt1k_800ep": base, "openmmlab_beit_base_p16_224": base, "beitv2_large_p16_224": {16, 0.5, 0},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(level{})); diff != "" {
		t.Error(diff)
	}
}

// TestManifests_Segmentation compares with what is published: tables in microsoft/unilm beit/README.md, beit/semantic_segmentation/README.md, beit2/README.md and
// beit2/semantic_segmentation/README.md, open-mmlab/mmsegmentation configs/beit/metafile.yaml, PaddlePaddle/PaddleSeg configs/cae/README.md. Nobody published figures of
// transformers' classes, which tap other blocks of the same tensors, and the manifests say so.
func TestManifests_Segmentation(t *testing.T) {
	t.Parallel()
	type figures struct {
		miou, macc, aacc float64
		several          bool
	}
	got := map[string][]figures{}
	for _, document := range all(t) {
		config, err := zoo.Architecture(&document.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		if !config.Segments() {
			continue
		}
		var list []figures
		for _, a := range document.SegmentationAccuracy {
			list = append(list, figures{a.MIoU, a.MAcc, a.AAcc, a.MultiScale})
		}
		got[document.ID] = list
		usual, _ := arch.UsualTaps(config.Depth)
		if shifted := strings.HasSuffix(document.ID, "_hf"); shifted != (config.Segmentation.Taps != usual) || shifted != strings.Contains(document.Notes[0], "taps the block two below") {
			t.Errorf("%s taps %s, and its first note is %q", document.ID, arch.FormatTaps(config.Segmentation.Taps), document.Notes[0])
		}
	}
	want := map[string][]figures{
		"beit_base_p16_640_ade20k": {{53.61, 64.82, 84.62, false}, {54.26, 65.28, 84.9, true}}, "beit_large_p16_640_ade20k": {{56.7, 0, 0, false}, {57, 0, 0, true}},
		"beitv2_base_p16_512_ade20k": {{53.1, 0, 0, false}}, "beitv2_base_p16_512_in22k_ade20k": {{53.5, 0, 0, false}},
		"beitv2_large_p16_512_ade20k": {{56.7, 0, 0, false}}, "beitv2_large_p16_512_in22k_ade20k": {{57.5, 0, 0, false}, {57.54, 68.78, 86.22, false}},
		"openmmlab_beit_base_p16_640_ade20k": {{53.08, 0, 0, false}, {53.84, 0, 0, true}}, "openmmlab_beit_large_p16_640_ade20k": {{56.33, 0, 0, false}, {56.84, 0, 0, true}},
		"beit_base_p16_640_ade20k_hf": nil, "beit_large_p16_640_ade20k_hf": nil, "paddleseg_cae_base_p16_512_ade20k": {{49.69, 0, 0, false}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(figures{})); diff != "" {
		t.Error(diff)
	}
	for id, parameters := range map[string]int64{ // computed of the layers; the tables of unilm have 163M and 441M
		"beit_base_p16_640_ade20k": 163_407_980, "beit_large_p16_640_ade20k": 441_271_084, "beitv2_base_p16_512_ade20k": 163_080_812, "beitv2_large_p16_512_ade20k": 440_398_636,
	} {
		if got := byID(t, id).Parameters; got != parameters {
			t.Errorf("%s: %d parameters, want %d", id, got, parameters)
		}
	}
}

// TestManifests_TableOfPASSL compares with PASSL's own table: accuracies in percent, crop ratio; and the exact parameter counts.
func TestManifests_TableOfPASSL(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		id               string
		top1, top5, crop float64
		parameters       int64
	}{
		{"beit_base_p16_224", 85.21, 97.66, 0.9, 86_530_984},
		{"beit_base_p16_384", 86.81, 98.14, 1.0, 86_744_104},
		{"beit_large_p16_224", 87.48, 98.30, 0.9, 304_430_568},
		{"beit_large_p16_384", 88.40, 98.60, 1.0, 304_998_888},
		{"beit_large_p16_512", 88.60, 98.66, 1.0, 305_674_728},
	} {
		document := byID(t, row.id)
		first := document.Accuracy[0]
		got := []any{first.Top1, first.Top5, first.CropRatio, document.Parameters}
		if diff := cmp.Diff([]any{row.top1, row.top5, row.crop, row.parameters}, got); diff != "" || !strings.Contains(first.Origin, "PASSL") {
			t.Errorf("%s, %s: %s", row.id, first.Origin, diff)
		}
		recipe := document.Preprocessing[0].Recipe
		if want := int(math.Floor(float64(recipe.Crop) / row.crop)); recipe.ResizeTo != want {
			t.Errorf("%s: the crop ratio %g makes %d of %d pixels, the recipe has %d", row.id, row.crop, want, recipe.Crop, recipe.ResizeTo)
		}
		names := ""
		for _, source := range document.Sources {
			names += fmt.Sprintf("%s ", source.Name)
		}
		if !strings.HasPrefix(names, "passl unilm timm hf ") {
			t.Errorf("%s has the sources %s", row.id, names)
		}
	}
}

// TestManifests_Tokenizers makes sure that what weights were trained to predict is there, and has as many tokens; of weights of DiT nobody released it.
func TestManifests_Tokenizers(t *testing.T) {
	t.Parallel()
	named := 0
	for _, document := range all(t) {
		config, err := zoo.Architecture(&document.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		if document.Tokenizer == "" {
			if predicts := config.Masked() && !config.Regression; predicts && !strings.HasPrefix(document.ID, "dit_") && document.ID != "openmmlab_beitv2_base_p16_224" {
				t.Errorf("%s predicts visual tokens, and nothing is said of who makes them", document.ID)
			}
			continue
		}
		named++
		tokenizer, err := zoo.Architecture(&byID(t, document.Tokenizer).Manifest)
		if err != nil || !tokenizer.Tokenizes() || tokenizer.Vocabulary() != config.Vocabulary() {
			t.Errorf("%s: %v, %s makes %d tokens of %d", document.ID, err, document.Tokenizer, tokenizer.Vocabulary(), config.Vocabulary())
		}
	}
	if named != 7 {
		t.Errorf("%d tokenizers are named", named)
	}
}
