package convert_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
)

// TestOpen_ZeroFilled opens a file of the right length whose second half is zeros, as a download leaves it that stopped early.
func TestOpen_ZeroFilled(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(testdata + "tiny/tiny_p16_32.hf/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	doubts := func(content []byte) bool {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		return slices.ContainsFunc(model.Input().Warnings, func(warning string) bool {
			return strings.Contains(warning, "LayerNorms") && strings.Contains(warning, "all zero")
		})
	}
	if doubts(raw) {
		t.Error("a whole file is doubted")
	}
	clear(raw[len(raw)/2:])
	if !doubts(raw) {
		t.Error("half a file of zeros raises no doubt")
	}
}
