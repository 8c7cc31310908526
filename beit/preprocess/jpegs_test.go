package preprocess

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
)

// TestDecode_DrawnJPEGs makes sure that the pixels of drawn JPEG files are those that Pillow reads: of all sampling factors, incomplete progressive files and
// damaged data too, and that no file is refused that Pillow reads, nor one read that it refuses.
func TestDecode_DrawnJPEGs(t *testing.T) {
	t.Parallel()
	files := unzip(t, filepath.Join(testdata, "jpegs.zip"))
	var digests map[string]string
	if err := json.Unmarshal(files["rgb.json"], &digests); err != nil {
		t.Fatal(err)
	}
	if len(digests) < 200 || len(digests) != len(files)-1 {
		t.Fatalf("%d digests for %d files", len(digests), len(files)-1)
	}
	for name, want := range digests {
		decoded, err := Decode(bytes.NewReader(files[name]))
		got := ""
		if err == nil {
			sum := sha256.Sum256(decoded.Pix)
			got = hex.EncodeToString(sum[:])
		}
		if got != want {
			t.Errorf("%s: pixels are %.12s, want %.12s (error %v)", name, got, want, err)
		}
	}
}

func unzip(t testing.TB, path string) map[string][]byte {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	files := make(map[string][]byte)
	for _, entry := range archive.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name] = data
	}
	return files
}

// FuzzDecodeJPEG makes sure that damaged files never make the decoder panic: what Decode recovers from would hide that.
func FuzzDecodeJPEG(f *testing.F) {
	for name, data := range unzip(f, filepath.Join(testdata, "jpegs.zip")) {
		if strings.HasSuffix(name, ".jpg") && len(data) < 2000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		if config, err := jpegConfig(data); err == nil && config.Width*config.Height < 1<<18 {
			_, _ = decodeJPEG(data)
			_, _ = decodeJPEGFor(card.Recipe{Resize: card.ShorterEdge, ResizeTo: 40, Crop: 11, Interpolation: card.Bicubic}, data)
		}
		_ = exifOfJPEG(data).orientation()
	})
}
