//go:build unix

package convert_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
)

// TestOpen_PipeForConfig has a pipe in the place of config.json: nothing waits for it, and it is said that it was ignored.
func TestOpen_PipeForConfig(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	weights := filepath.Join(folder, "model.safetensors")
	if _, err := convert.Convert(t.Context(), filepath.Join("..", "manifests", "embedded", "digits_p16_64.pdparams"), weights, convert.Options{SaveOptions: convert.SaveOptions{To: "hf"}}); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(folder, "config.json")
	if err := os.RemoveAll(config); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(config, 0o600); err != nil {
		t.Fatal(err)
	}
	model, err := convert.Open(t.Context(), weights, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if notes := strings.Join(model.Notes, "\n"); !strings.Contains(notes, "config.json\" was ignored") {
		t.Errorf("notes %q", notes)
	}
}
