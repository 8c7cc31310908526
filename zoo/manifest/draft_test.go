package manifest_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// TestEncode_AnyText writes names of classes that mean something in YAML or can't be printed, and reads them back.
func TestEncode_AnyText(t *testing.T) {
	t.Parallel()
	document, err := manifest.Parse("m.yaml", []byte(tiny(t)))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{
		"a\u200db", "a\u00a0b", " lead", "trail ", "true", "null", "~", "1e5", "0x1f", "- x", "a: b", "#x", "a #b", "'q'", "\"d\"", "{a}", "[x]", "a\nb", "a\tb", "👩\u200d🚀",
		"日本語", "*a", "&a", "!t", "%d", "@x", "`x`", "?", "-", "2001-01-01", "\\n", "a\x1b[31m", "|", ">", "a:", ": a", ".inf", "-.nan", "=", "<<", "a,b", "...", "---", "a\n",
		"\na", "a\n\n", " a\nb", "a\u2028b", "\ufeffa", "a\r\nb",
	}
	for _, name := range names {
		// Beside text of several lines at other depths, which must survive as well.
		m := document.Manifest
		m.Notes = []string{"One line.\nAnother one."}
		m.Origin.Licence.Disputes = []manifest.Dispute{{Party: "somebody", Statement: "First.\nSecond.\n"}}
		m.Categories.Labels = []string{"usual", name}
		raw, err := manifest.Encode(&m)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		again, err := manifest.Parse("again.yaml", raw)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if diff := cmp.Diff(m, again.Manifest); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
	}
}

// TestManifest_LabelsOfImageNet22k makes sure that as many names as ImageNet-22k has, longer than its own, fit into a manifest beside the digests of a large model.
func TestManifest_LabelsOfImageNet22k(t *testing.T) {
	t.Parallel()
	document, err := manifest.Parse("m.yaml", []byte(tiny(t)))
	if err != nil {
		t.Fatal(err)
	}
	m := document.Manifest
	for i := range 21841 {
		m.Categories.Labels = append(m.Categories.Labels, fmt.Sprintf("n%08d plausible name", i))
	}
	for i := range 391 {
		m.Tensors = append(m.Tensors, manifest.Tensor{
			Name: fmt.Sprintf("blocks.%d.attn.relative_position_bias_table", i), DType: "F32", Shape: []int{732, 16}, Digest: m.Blobs[0].Digest,
		})
	}
	raw, err := manifest.Encode(&m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := manifest.Parse("large.yaml", raw)
	if err != nil {
		t.Fatalf("%d bytes: %v", len(raw), err)
	}
	if diff := cmp.Diff(m.Categories.Labels, again.Categories.Labels); diff != "" {
		t.Error(diff)
	}
}

func TestDraft_StatesOnlyWhatItHas(t *testing.T) {
	t.Parallel()
	draft, err := manifest.ParseDraft("d.yaml", []byte("title: Mine\norigin:\n  licence:\n    expression: MIT\ncategories:\n  labels: [a, b]\n"))
	if err != nil {
		t.Fatal(err)
	}
	base, err := manifest.Parse("m.yaml", []byte(tiny(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := base.Manifest
	want.Title, want.Origin.Licence.Expression, want.Categories.Labels = "Mine", "MIT", []string{"a", "b"}
	if diff := cmp.Diff(want, draft.Onto(base.Manifest)); diff != "" {
		t.Error(diff)
	}
	for field, want := range map[string]bool{"title": true, "origin.licence.expression": true, "origin.licence.origin": false, "origin.authors": false, "": false} {
		if got := draft.States(field); got != want {
			t.Errorf("States(%q) is %t", field, got)
		}
	}
}

func TestParseDraft_Problems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"empty field":     {"title:\n", "d.yaml:1:8: title: is not filled in: what the weights are, in one line"},
		"all empty":       {"title:\norigin:\n  authors:\n", "origin.authors: is not filled in: those who made the weights"},
		"begun record":    {"accuracy:\n  - top1: 3\n", "accuracy[0]: field dataset is missing: on which images"},
		"begun paper":     {"origin:\n  paper:\n    title: x\n", "origin.paper: field address is missing: where it can be read"},
		"empty in record": {"sources:\n  - name:\n", "sources[0].name: has no value"},
		"unknown field":   {"titel: x\n", "unknown field \"titel\"; did you mean title?"},
		"wrong type":      {"parameters: many\n", "parameters: must be a whole number"},
		"empty file":      {"", "the file is empty"},
		"a list":          {"- a\n", "must be a mapping"},
		"anchors":         {"title: &a x\n", "anchors are not allowed"},
	} {
		_, err := manifest.ParseDraft("d.yaml", []byte(test.text))
		var typed *manifest.Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q", name, err, test.want)
		}
	}
	for _, text := range []string{"{}", "origin:\ntitle: x\n", "format: beitzoo.manifest.v1\n"} {
		if _, err := manifest.ParseDraft("d.yaml", []byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDraft_Validate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"part":          {"title: x\n", ""},
		"labels alone":  {"categories:\n  labels: [a, b]\n", ""},
		"known set":     {"categories:\n  set: ImageNet-1k\n", ""},
		"other set":     {"architecture: tiny_p16_32\ncategories:\n  set: ImageNet-1k\n", "categories.set: is ImageNet-1k, which has 1000 classes, for 10 categories"},
		"architecture":  {"architecture: tiny_p16_32\ncategories:\n  labels: [a, b]\n", "has 2 labels for 10 categories"},
		"parameters":    {"architecture: tiny_p16_32\nparameters: 3\n", "parameters: is 3, the architecture has 50554"},
		"unknown":       {"architecture: tiny_p16_33\n", "did you mean tiny_p16_32?"},
		"path":          {"id: ../x\n", "a path is not allowed"},
		"version":       {"version: 1\n", "is not a version"},
		"format":        {"format: beitzoo.manifest.v7\n", "this program reads"},
		"problem":       {"categories:\n  problem_type: multi\n", "did you mean"},
		"assumed":       {"assumed: [labels]\n", "unknown word \"labels\""},
		"assumed twice": {"assumed: [epsilon, epsilon]\n", "listed twice"},
		"no recipe":     {"assumed: [recipe]\n", "there is no recipe that could be a guess"},
		"blank label":   {"categories:\n  labels: [\"  \", b]\n", "categories.labels[0]: is empty"},
	} {
		draft, err := manifest.ParseDraft("d.yaml", []byte(test.text))
		if err == nil {
			err = draft.Validate(known)
		}
		if test.want == "" && err == nil {
			continue
		}
		var typed *manifest.Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), test.want) || test.want == "" {
			t.Errorf("%s: error is %v, want %q", name, err, test.want)
		}
	}
}

// TestTemplate_IsADraft writes the template of a whole manifest, which is a draft that says the same, and of one in which nobody stated anything.
func TestTemplate_IsADraft(t *testing.T) {
	t.Parallel()
	document, err := manifest.Parse("m.yaml", []byte(tiny(t)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := manifest.Template(&document.Manifest, "A heading")
	if err != nil {
		t.Fatal(err)
	}
	draft, err := manifest.ParseDraft("d.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	computed := document.Manifest
	computed.Blobs, computed.Recordings, computed.Tensors, computed.Verdict = nil, nil, nil, nil
	if diff := cmp.Diff(computed, draft.Manifest); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(raw), "\n# A heading\n") {
		t.Error("the heading is missing")
	}
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	raw, err = manifest.Template(&manifest.Manifest{Config: &config, Parameters: config.Parameters(), Categories: manifest.Categories{Count: config.Classes}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = manifest.ParseDraft("d.yaml", raw)
	var typed *manifest.Error
	if !errors.As(err, &typed) {
		t.Fatalf("error is %v", err)
	}
	var fields []string
	for _, problem := range typed.Problems {
		fields = append(fields, problem.Field)
	}
	want := []string{"title", "origin.authors", "origin.publishers", "origin.training", "origin.licence.expression", "categories.set"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("%s\n%s", diff, raw)
	}
	filled := strings.NewReplacer(
		"\ntitle:", "\ntitle: x", "\n  authors:", "\n  authors: [x]", "\n  publishers:", "\n  publishers: [x]", "\n  training:", "\n  training: x",
		"\n    expression:", "\n    expression: MIT", "\n  set:", "\n  set: x",
	).Replace(string(raw))
	if draft, err = manifest.ParseDraft("d.yaml", []byte(filled)); err != nil {
		t.Fatal(err)
	}
	if err := draft.Validate(known); err != nil {
		t.Error(err)
	}
	if unstated := draft.Unstated(); unstated != nil {
		t.Errorf("not stated: %v", unstated)
	}
}

// TestTemplate_OfMaskedModels keeps what belongs to weights that predict visual tokens, and offers it where it is not known.
func TestTemplate_OfMaskedModels(t *testing.T) {
	t.Parallel()
	m := manifest.Manifest{Architecture: "tiny_mim_p16_64", Tokenizer: "dvae", MaskedAccuracy: []manifest.MaskedAccuracy{{Origin: "a", Dataset: "b", Percent: 16, Rounding: 0.5}}}
	raw, err := manifest.Template(&m)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\ntokenizer: dvae\n", "\nmasked_accuracy:\n", "\n    rounding: 0.5\n"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("there is no %q in\n%s", want, raw)
		}
	}
	m.Tokenizer, m.MaskedAccuracy = "", nil
	if raw, err = manifest.Template(&m); err != nil || !strings.Contains(string(raw), "\n# tokenizer: ...\n") || !strings.Contains(string(raw), "\n#     percent: ...\n") {
		t.Errorf("%v\n%s", err, raw)
	}
	m.Architecture = "tiny_p16_32"
	if raw, err = manifest.Template(&m); err != nil || strings.Contains(string(raw), "tokenizer") {
		t.Errorf("%v\n%s", err, raw)
	}
}

// TestTemplate_OfSegmenters offers the figures of segmentation in place of those of classifiers, keeps them, and says what is a guess.
func TestTemplate_OfSegmenters(t *testing.T) {
	t.Parallel()
	m := manifest.Manifest{Architecture: "tiny_seg_p16_32", Assumed: []card.Item{card.Taps, card.Preparing}}
	raw, err := manifest.Template(&m)
	if err != nil || strings.Contains(string(raw), "accuracy:\n#   - origin: ...\n#     dataset: ...\n#     top1") {
		t.Errorf("%v\n%s", err, raw)
	}
	for _, want := range []string{"\nassumed:\n  - taps\n\n", "\n# segmentation_accuracy:\n", "\n#     miou: ...\n"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("there is no %q in\n%s", want, raw)
		}
	}
	m.SegmentationAccuracy = []manifest.SegmentationAccuracy{{Origin: "a", Dataset: "b", MultiScale: true, MIoU: 54.26}}
	if raw, err = manifest.Template(&m); err != nil || !strings.Contains(string(raw), "\n    multi_scale: true\n    miou: 54.26\n") {
		t.Errorf("%v\n%s", err, raw)
	}
}

// TestMeaning makes sure that every field that people write has a meaning in the schema.
func TestMeaning(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"id", "version", "title", "notes", "architecture", "config", "parameters", "origin", "origin.authors", "origin.publishers", "origin.training", "origin.paper",
		"origin.paper.title", "origin.paper.year", "origin.licence", "origin.licence.expression", "origin.licence.origin", "categories", "categories.set", "categories.count",
		"categories.labels", "categories.palette", "categories.problem_type", "preprocessing", "preprocessing[0].source", "preprocessing[12].recipe", "preprocessing[0].note", "accuracy",
		"tokenizer", "masked_accuracy", "masked_accuracy[0].origin", "masked_accuracy[0].dataset", "masked_accuracy[0].run", "masked_accuracy[0].percent",
		"masked_accuracy[0].rounding", "masked_accuracy[0].loss", "segmentation_accuracy", "segmentation_accuracy[0].origin", "segmentation_accuracy[0].dataset",
		"segmentation_accuracy[0].multi_scale", "segmentation_accuracy[0].miou", "segmentation_accuracy[0].macc", "segmentation_accuracy[0].aacc", "accuracy[0].origin", "accuracy[0].dataset", "accuracy[0].top1", "sources", "sources[0].name", "sources[3].address", "sources[0].format", "sources[0].scheme",
		"sources[0].learned", "assumed",
	} {
		if manifest.Meaning(field) == "" {
			t.Errorf("the schema does not say what %s means", field)
		}
	}
	if got := manifest.Meaning("title"); got != "what the weights are, in one line" {
		t.Errorf("title: %q", got)
	}
	for _, field := range []string{"", "nothing", "title.of", "origin.nothing", "sources[", "sources[0"} {
		_ = manifest.Meaning(field) // must not panic
	}
}

func FuzzParseDraft(f *testing.F) {
	raw, err := os.ReadFile("testdata/tiny.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("title:\norigin:\n  paper:\n"))
	f.Add([]byte("categories:\n  labels: [a]\n"))
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		f.Fatal(err)
	}
	base, err := manifest.Parse("m.yaml", raw)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		draft, err := manifest.ParseDraft("d.yaml", raw)
		if err != nil {
			return
		}
		_ = draft.Validate(known)
		m := draft.Onto(base.Manifest)
		_ = draft.Check(&m, config, known)
		if _, err := manifest.Template(&m); err != nil {
			t.Error(err)
		}
	})
}
