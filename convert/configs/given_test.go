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
