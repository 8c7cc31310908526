package manifest_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

var known = manifest.Known{
	Architecture: arch.ByName,
	Formats:      []string{"paddle", "pytorch", "safetensors"},
	Schemes:      []string{"canonical", "passl", "unilm", "timm", "hf"},
	Encodings:    []string{"planes"},
}

func tiny(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// check parses and validates.
func check(text string) error {
	document, err := manifest.Parse("m.yaml", []byte(text))
	if err != nil {
		return err
	}
	return document.Validate(known)
}

func TestParse(t *testing.T) {
	t.Parallel()
	document, err := manifest.Parse("m.yaml", []byte(tiny(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(known); err != nil {
		t.Fatal(err)
	}
	got := []any{
		document.Reference().String(), document.Origin.Licence.Disputes[0].Statement, document.Sources[1].Size,
		document.Preprocessing[0].Recipe.Mean, document.Verdict.MaxAbs, len(document.Blobs[0].Chunks), document.Origin.Paper.Authors[1],
	}
	want := []any{"tiny_example@1.2.3", "Apache-2.0", int64(209000), [3]float64{0.5, 0.5, 0.5}, 1e-6, 2, "Li Dong"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeIsReadBack(t *testing.T) {
	t.Parallel()
	document, err := manifest.Parse("m.yaml", []byte(tiny(t)))
	if err != nil {
		t.Fatal(err)
	}
	first, err := manifest.Encode(&document.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	again, err := manifest.Parse("encoded.yaml", first)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(document.Manifest, again.Manifest); diff != "" {
		t.Error(diff)
	}
	second, err := manifest.Encode(&again.Manifest)
	if err != nil || string(first) != string(second) {
		t.Errorf("encoding twice makes different files (error %v)", err)
	}
}

// TestValidateNamesTheProblem makes one thing of a valid manifest wrong, and wants an error that names it, with its line.
func TestValidateNamesTheProblem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, new, want string }{
		"unknown field":          {"title:", "tittle:", "m.yaml:4:1: unknown field \"tittle\"; did you mean title?"},
		"unknown nested field":   {"    scheme: hf", "    shceme: hf", "m.yaml:54:5: sources[1]: unknown field \"shceme\"; did you mean scheme?"},
		"missing field":          {"title: A small model for tests\n", "", "field title is missing"},
		"field twice":            {"version: 1.2.3", "version: 1.2.3\nversion: 1.2.4", "m.yaml:4"},
		"text for a number":      {"parameters: 50554", "parameters: many", "m.yaml:8:13: parameters: must be a whole number"},
		"fraction for a number":  {"parameters: 50554", "parameters: 5.5", "parameters: must be a whole number"},
		"number too large":       {"parameters: 50554", "parameters: 99999999999999999999999", "m.yaml:8:"},
		"list for text":          {"id: tiny_example", "id: [a]", "id: must be text"},
		"text for a list":        {"authors: [A. Author, B. Author]", "authors: A. Author", "origin.authors: must be a list"},
		"empty text":             {"training: Not trained at all.", "training: \"\"", "origin.training: is empty"},
		"no value":               {"training: Not trained at all.", "training:", "origin.training: has no value"},
		"mean of two":            {"mean: [0.5, 0.5, 0.5]", "mean: [0.5, 0.5]", "must have 3 elements, has 2"},
		"tab":                    {"  - It has", "\t- It has", "m.yaml:"},
		"anchor":                 {"title: A small", "title: &a A small", "anchors are not allowed"},
		"alias":                  {"title: A small model for tests", "title: *a", "aliases are not allowed"},
		"tag":                    {"parameters: 50554", "parameters: !!int 50554", "tags are not allowed"},
		"merge":                  {"    expression: MIT", "    <<: {expression: MIT}", "merge keys are not allowed"},
		"two documents":          {"recordings:", "---\nrecordings:", "one document"},
		"deep brackets":          {"  - It has two blocks.", "  - [[[[[[[[[[]]]]]]]]]]", "nested more than 8 deep"},
		"format":                 {"manifest.v1", "manifest.v9", "m.yaml:1:1: format: is \"beitzoo.manifest.v9\""},
		"path in the name":       {"id: tiny_example", "id: ../../etc/passwd", "m.yaml:2:1: id: \"../../etc/passwd\" is not a valid name: a path is not allowed"},
		"device name":            {"id: tiny_example", "id: con", "Windows"},
		"upper case":             {"id: tiny_example", "id: Tiny", "characters that are not allowed"},
		"short version":          {"version: 1.2.3", "version: 1.2", "m.yaml:3:1: version: \"1.2\" is not a version"},
		"leading v":              {"version: 1.2.3", "version: v1.2.3", "is not a version"},
		"unknown architecture":   {"architecture: tiny_p16_32", "architecture: tiny_p16_33", "m.yaml:7:1: architecture: unknown architecture \"tiny_p16_33\"; did you mean tiny_p16_32?"},
		"no architecture":        {"architecture: tiny_p16_32\n", "", "give either architecture or config"},
		"wrong parameter count":  {"parameters: 50554", "parameters: 50555", "m.yaml:8:1: parameters: is 50555, the architecture has 50554"},
		"wrong class count":      {"count: 10", "count: 1000", "categories.count: is 1000, the architecture has 10"},
		"wrong crop":             {"crop: 32", "crop: 30", "m.yaml:34:7: preprocessing[0].recipe.crop: is 30, the architecture takes 32 x 32 pixels"},
		"unknown interpolation":  {"bicubic", "nearest", "known: bilinear, bicubic, lanczos"},
		"zero deviation":         {"std: [0.5,", "std: [0,", "preprocessing[0].recipe.std[0]: is 0, want 0.001 to 1"},
		"accuracy above 100":     {"top1: 85.21", "top1: 185.21", "accuracy[0].top1: is not a percentage"},
		"top5 below top1":        {"top5: 97.66", "top5: 17.66", "accuracy[0].top5"},
		"NaN":                    {"top1: 85.21", "top1: .nan", "m.yaml:40:11: accuracy[0].top1: must be a number"},
		"masked above 100":       {"accuracy:\n", "masked_accuracy:\n  - {origin: a, dataset: b, percent: 101}\naccuracy:\n", "m.yaml:38:29: masked_accuracy[0].percent: is not a percentage"},
		"masked of a classifier": {"accuracy:\n", "masked_accuracy:\n  - {origin: a, dataset: b, percent: 5}\naccuracy:\n", "masked_accuracy: goes with weights that predict visual tokens"},
		"rounding above all":     {"accuracy:\n", "masked_accuracy:\n  - {origin: a, dataset: b, percent: 5, rounding: 6}\naccuracy:\n", "masked_accuracy[0].rounding: is not a number of points of at most percent"},
		"negative loss":          {"accuracy:\n", "masked_accuracy:\n  - {origin: a, dataset: b, percent: 5, loss: -1}\naccuracy:\n", "masked_accuracy[0].loss: is not a cross-entropy"},
		"mIoU above 100":         {"accuracy:\n", "segmentation_accuracy:\n  - {origin: a, dataset: b, miou: 101}\naccuracy:\n", "m.yaml:38:29: segmentation_accuracy[0].miou: is not a percentage"},
		"mAcc below mIoU":        {"accuracy:\n", "segmentation_accuracy:\n  - {origin: a, dataset: b, miou: 50, macc: 49}\naccuracy:\n", "segmentation_accuracy[0].macc: is not a percentage of at least miou"},
		"negative aAcc":          {"accuracy:\n", "segmentation_accuracy:\n  - {origin: a, dataset: b, miou: 50, aacc: -1}\naccuracy:\n", "segmentation_accuracy[0].aacc: is not a percentage"},
		"mIoU of a classifier":   {"accuracy:\n", "segmentation_accuracy:\n  - {origin: a, dataset: b, miou: 50}\naccuracy:\n", "segmentation_accuracy: goes with weights that segment"},
		"palette of one":         {"  count: 10\n", "  count: 10\n  palette: [[1, 2, 3]]\n", "categories.palette: has 1 colour, and there are 10 classes"},
		"colour above 255":       {"  count: 10\n", "  count: 10\n  palette: [" + strings.Repeat("[0, 0, 256], ", 10) + "]\n", "categories.palette: has 256 in the colour of class 0, not a number from 0 to 255"},
		"colour of two numbers":  {"  count: 10\n", "  count: 10\n  palette: [[1, 2]]\n", "palette[0]: must have 3 elements, has 2"},
		"wrong digest":           {"digest: sha256:5574866866a425", "digest: sha256:557486", "m.yaml:55:5: sources[1].digest"},
		"digest in upper case":   {"digest: sha256:5574866866a425d7fc", "digest: sha256:5574866866A425D7FC", "sources[1].digest"},
		"other digest algorithm": {"digest: sha256:5574866866a425d7fc2b21e400f064d67d3650529ef9b9ab6b1ff3f9b6c9cbb6", "digest: sha512:" + strings.Repeat("a", 128), "not a sha256 digest"},
		"10 GB":                  {"size: 209000", "size: 10000000000", "m.yaml:56:5: sources[1].size: is 10000000000 bytes, a file of this architecture has at most"},
		"negative size":          {"size: 209000", "size: -1", "sources[1].size"},
		"unknown format":         {"format: paddle", "format: padle", "did you mean paddle?"},
		"unknown scheme":         {"scheme: passl", "scheme: pasl", "did you mean passl?"},
		"file address":           {"https://example.org/tiny.pdparams", "file:///etc/passwd", "m.yaml:45:5: sources[0].address: has the scheme \"file\""},
		"password in address":    {"https://example.org/tiny.pdparams", "https://user:secret@example.org/tiny.pdparams", "has a password in it"},
		"embedded path":          {"https://example.org/tiny.pdparams", "embedded:../secret", "a path is not allowed"},
		"source twice":           {"name: hf", "name: passl", "sources[1].name: \"passl\" is listed twice"},
		"unknown encoding":       {"encoding: none", "encoding: plane", "did you mean planes?"},
		"blob too small":         {"size: 204000", "size: 200000", "m.yaml:60:5: blobs[0].size: is 200000 bytes, the tensors have 202216"},
		"chunk missing":          {"      - sha256:84ce2bd9f3a18b4eb8a4b3f365e958f9dee83008801ded8c26c9f21913370768\n", "", "blobs[0].chunks: has 1 digests, the size needs 2"},
		"tiny chunks":            {"chunk_size: 131072", "chunk_size: 1", "blobs[0].chunk_size"},
		"integer dtype":          {"dtype: F32\n    encoding", "dtype: I64\n    encoding", "not one of F64, F32, BF16 and F16"},
		"encoded, no content":    {"encoding: none", "encoding: planes", "blobs[0].content"},
		"unknown recording":      {"recording: passl-f32", "recording: timm-f32", "m.yaml:78:3: verdict.recording"},
		"verdict contradicts":    {"max_abs: 1e-06", "max_abs: 1", "verdict.verified: contradicts max_abs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := tiny(t)
			if strings.Count(text, test.old) == 0 {
				t.Fatalf("%q is not in the file", test.old)
			}
			err := check(strings.Replace(text, test.old, test.new, 1))
			var typed *manifest.Error
			if !errors.As(err, &typed) {
				t.Fatalf("error is %v, want a *manifest.Error", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is\n%v\nwant in it\n%s", err, test.want)
			}
		})
	}
}

func TestErrorsComeTogetherWithTheirLines(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("parameters: 50554", "parameters: 1", "scheme: hf", "scheme: hff").Replace(tiny(t))
	got := check(text).Error()
	want := `m.yaml:8:1: parameters: is 1, the architecture has 50554
     8 | parameters: 1
m.yaml:54:5: sources[1].scheme: unknown word "hff"; did you mean hf?
    54 |     scheme: hff`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDescribedArchitecture(t *testing.T) {
	t.Parallel()
	config := `config:
  image_height: 32
  image_width: 32
  patch_size: 16
  embed_dim: 32
  hidden_dim: 128
  depth: 2
  heads: 2
  classes: 10
  pooling: mean
  relative_position_bias: block
  absolute_position: false
  layer_scale: true
  mask_token: false
  epsilon: 1e-06`
	text := strings.Replace(tiny(t), "architecture: tiny_p16_32", config, 1)
	if err := check(text); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"immense depth": {"depth: 2", "depth: 2000000000", "config.depth: is 2000000000, not between 1 and 256"},
		"no patches":    {"patch_size: 16", "patch_size: 0", "config.patch_size: is 0, not between"},
		"odd heads":     {"heads: 2", "heads: 3", "config.heads: 3 does not divide embed_dim"},
		"huge window":   {"image_height: 32\n  image_width: 32", "image_height: 8192\n  image_width: 8192", "into 262144 patches"},
		"pooling":       {"pooling: mean", "pooling: median", "did you mean mean?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := check(strings.Replace(text, test.old, test.new, 1)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}

// TestBombs parses small files that would need much time or memory, and wants them refused.
func TestBombs(t *testing.T) {
	t.Parallel()
	laughs := "a: &a [x, x]\n"
	for i := 'b'; i < 'k'; i++ {
		laughs += string(i) + ": &" + string(i) + " [*" + string(i-1) + ", *" + string(i-1) + "]\n"
	}
	for name, text := range map[string]string{
		"billion laughs":   laughs,
		"open brackets":    strings.Repeat("[\n", 19_000),
		"open braces":      strings.Repeat("{a: ", 1000),
		"dashes":           strings.Repeat("- ", 2000),
		"question marks":   strings.Repeat("? ", 2000),
		"deep indentation": deep(1000),
		"one long line":    strings.Repeat("x", 900_000),
		"too large":        strings.Repeat("#\n", 600_000),
		"many items":       "notes:\n" + strings.Repeat("- a\n", 19_000),
		"unknown fields":   strings.Repeat("abcdefghij: 1\n", 19_000),
		"many comments":    strings.Repeat("#\n", 500_000),
		"NUL":              "id: \x00",
		"not UTF-8":        "id: \xff\xfe",
		"empty":            "",
		"a number":         "7",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := manifest.Parse("bomb.yaml", []byte(text))
			var typed *manifest.Error
			if !errors.As(err, &typed) {
				t.Errorf("error is %v, want a *manifest.Error", err)
			}
			if len(err.Error()) > 10_000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			t.Log(time.Since(start), err.Error()[:min(len(err.Error()), 100)])
		})
	}
}

func deep(levels int) string {
	var text strings.Builder
	for i := range levels {
		text.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return text.String()
}

// TestManifest_Counters makes sure that what batch norms count is listed as whole numbers, and nothing else is.
func TestManifest_Counters(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_seg_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	m := manifest.Manifest{
		Format: manifest.Format, ID: "a", Version: "1.0.0", Title: "a", Config: &config, Parameters: config.Parameters(),
		Origin:     manifest.Origin{Authors: []string{"a"}, Publishers: []string{"a"}, Training: "a", Licence: manifest.Licence{Expression: "MIT", Origin: "a"}},
		Categories: manifest.Categories{Set: "a", Count: config.Classes},
	}
	counter := -1
	for i, p := range config.Params() {
		one := manifest.Tensor{Name: p.Name, DType: "F32", Shape: p.Shape, Digest: digest.FromString(p.Name)}
		if p.Counter {
			counter, one.DType = i, "I64"
		}
		m.Tensors = append(m.Tensors, one)
	}
	if err := manifest.CheckUnpublished("m", &m, config, known); err != nil {
		t.Error(err)
	}
	for at, dtype := range map[int]string{counter: "F32", 0: "I64"} {
		m.Tensors[at].DType = dtype
	}
	err = manifest.CheckUnpublished("m", &m, config, known)
	for _, want := range []string{fmt.Sprintf(`tensors[%d].dtype: "F32" is not I64`, counter), `tensors[0].dtype: "I64" is not one of`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
