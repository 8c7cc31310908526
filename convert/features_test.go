package convert_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
)

// Version 5 of transformers keeps in BeitBackbone a norm that it does not use, under the names of BeitModel.
func TestOpen_FeaturesWithNorm(t *testing.T) {
	const token = "../testdata/family/hf_model_token"
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(token)); err != nil {
		t.Fatal(err)
	}
	stated, err := os.ReadFile(filepath.Join(folder, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	stated = bytes.Replace(stated, []byte(`"BeitModel"`), []byte(`"BeitBackbone"`), 1)
	if err := os.WriteFile(filepath.Join(folder, "config.json"), stated, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, said := range map[string]bool{token: false, folder: true, "../testdata/family/hf_backbone": false} {
		model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(model.Notes, "\n"), "before the last norm"); got != said {
			t.Errorf("%s: a note about the norm is %t, want %t: %q", path, got, said, model.Notes)
		}
		model.Close()
	}
}
