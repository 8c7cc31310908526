package attention_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/beit/attention"
)

// TestEncode_ThereAndBack: a drawing is a PNG file that any reader takes, and says of which picture it is; other files don't.
func TestEncode_ThereAndBack(t *testing.T) {
	t.Parallel()
	drawn := image.NewRGBA(image.Rect(0, 0, 3, 2))
	drawn.SetRGBA(1, 1, color.RGBA{1, 2, 3, 0xff})
	folder := t.TempDir()
	put := func(content []byte) string {
		path := filepath.Join(folder, "x")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"", "a b/kö.png", "\xff\x00", `"`} {
		file, err := attention.Encode(drawn, name)
		if err != nil {
			t.Fatal(err)
		}
		back, err := png.Decode(bytes.NewReader(file))
		if err != nil || color.RGBAModel.Convert(back.At(1, 1)) != drawn.At(1, 1) || back.Bounds() != drawn.Bounds() {
			t.Errorf("%q: %v, %v", name, back, err)
		}
		if got, own, err := attention.ReadSource(put(file)); got != name || !own || err != nil {
			t.Errorf("%q: %q, %v, %v", name, got, own, err)
		}
		for cut := range 120 {
			if _, own, err := attention.ReadSource(put(file[:cut])); own && cut < 90 || err != nil {
				t.Errorf("%d bytes: %v, %v", cut, own, err)
			}
		}
	}
	var plain bytes.Buffer
	if err := png.Encode(&plain, drawn); err != nil {
		t.Fatal(err)
	}
	for _, other := range [][]byte{plain.Bytes(), []byte("words")} {
		if _, own, err := attention.ReadSource(put(other)); own || err != nil {
			t.Errorf("%q: %v, %v", other, own, err)
		}
	}
	if _, _, err := attention.ReadSource(filepath.Join(folder, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
