package configs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/configs"
)

func TestParseLabels_Text(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"one a line", "cat\ndog, hound\n", []string{"cat", "dog, hound"}},
		{"no newline at the end", "cat\ndog", []string{"cat", "dog"}},
		{"lines of Windows", "cat\r\ndog\r\n", []string{"cat", "dog"}},
		{"empty lines at the end", "cat\ndog\n\n  \n", []string{"cat", "dog"}},
		{"a class without a name", "\ndog\n", []string{"", "dog"}},
		{"names in brackets", "[none]\n{other}\n", []string{"[none]", "{other}"}},
		{"a list of JSON", "[\"cat\",\n\"dog\"]", []string{"cat", "dog"}},
	} {
		got, err := configs.ParseLabels([]byte(c.file))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if labels, err := configs.ParseLabels([]byte("{\n  \"id2label\": {\n")); err == nil {
		t.Errorf("a configuration that was cut short has the names %q", labels)
	}
	if _, err := configs.ParseLabels([]byte(strings.Repeat("x", 1<<20))); err == nil {
		t.Error("a line of a megabyte is not refused")
	}
}

func TestReadLabels(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "labels.txt")
	if err := os.WriteFile(path, []byte("cat\ndog\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if labels, err := configs.ReadLabels(path); err != nil || len(labels) != 2 {
		t.Errorf("got %q, %v", labels, err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := configs.ReadLabels(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if _, err := configs.ReadLabels(path + ".no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestFindLabels(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"imagenet-1k": 1000, "ImageNet22k": 21841} {
		if labels, err := configs.FindLabels(name); err != nil || len(labels) != want {
			t.Errorf("%s: %d names, %v", name, len(labels), err)
		}
	}
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte("format: beitzoo.manifest.v1\ncategories: {set: ImageNet-1k}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if labels, err := configs.FindLabels(path); err != nil || len(labels) != 1000 || labels[281] != "tabby, tabby cat" {
		t.Errorf("%d names, %v", len(labels), err)
	}
}

// TestParseLabels_Twice: readers of JSON differ in which value of a key that stands twice they take, so none is taken; nor one of two names of a class.
func TestParseLabels_Twice(t *testing.T) {
	t.Parallel()
	const (
		twice = `the key "1" stands twice in one object`
		timm  = `{"architecture": "beit", "pretrained_cfg": {"input_size": [3, 64, 64], "label_names": {"0": "a", "1": "b", "1": "c"}}}`
	)
	for document, want := range map[string]string{
		`{"0": "a", "1": "b", "1": "c"}`:                                     twice,
		`{"id2label": {"0": "a", "1": "b", "1": "c"}, "model_type": "beit"}`: twice,
		`{"id2label": {"0": "a"}, "id2label": {"0": "b"}}`:                   `the key "id2label" stands twice in one object`,
		timm:                       twice,
		`{"a": 0, "b": 1, "a": 1}`: `the key "a" stands twice in one object`,
		`{"a": 0, "b": 1, "c": 1}`: `"b" and "c" are both class 1`,
	} {
		if labels, err := configs.ParseLabels([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v", document, labels, err)
		}
	}
	model := `{"model_type": "beit", "id2label": {"0": "a", "1": "b", "1": "c"}}`
	if _, err := configs.ParseTransformers([]byte(model)); err == nil || !strings.Contains(err.Error(), twice) {
		t.Errorf("%v", err)
	}
}

// TestReadLabels_OfYAML reads files that call themselves YAML: a manifest has names of classes, the lines of another file are none.
func TestReadLabels_OfYAML(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]int{
		"format: beitzoo.manifest.v1\ncategories: {labels: [cat, dog]}\n": 2,
		`["cat", "dog", "cow"]`:                3,
		"model:\n  architecture: Beit\n":       0,
		"title: Digits\nclasses: 10\n":         0,
		"---\n# a comment\n- cat\n- dog\n":     0,
		"format: beitzoo.manifest.v1\nid: x\n": 0,
	} {
		for _, ending := range []string{".yaml", ".YML"} {
			path := filepath.Join(t.TempDir(), "labels"+ending)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			labels, err := configs.ReadLabels(path)
			if len(labels) != want || (err == nil) != (want > 0) {
				t.Errorf("%q: %q, %v", content, labels, err)
			}
		}
	}
}
