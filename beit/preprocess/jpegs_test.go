package preprocess

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess/jpeg"
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

// TestDecoder_Again makes sure that nothing of one picture is seen in the next one that is decoded in the same memory.
func TestDecoder_Again(t *testing.T) {
	t.Parallel()
	files := unzip(t, filepath.Join(testdata, "jpegs.zip"))
	decoder, decoded := new(jpeg.Decoder), 0
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".jpg") {
			continue
		}
		want, err := jpeg.Decode(files[name])
		if err != nil {
			continue
		}
		decoded++
		var window image.Rectangle
		got, err := decoder.DecodeWindow(files[name], func(c jpeg.Config) image.Rectangle {
			x, y := rng.IntN(c.Width), rng.IntN(c.Height)
			window = image.Rect(x, y, x+1+rng.IntN(c.Width-x), y+1+rng.IntN(c.Height-y))
			return window
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for y := window.Min.Y; y < window.Max.Y; y++ {
			from, to := (y*want.Width+window.Min.X)*want.Components, (y*want.Width+window.Max.X)*want.Components
			if !bytes.Equal(got.Pix[from:to], want.Pix[from:to]) {
				t.Errorf("%s: line %d of %v differs", name, y, window)
				break
			}
		}
	}
	if decoded < 100 {
		t.Errorf("only %d files were decoded", decoded)
	}
}

// FuzzDecodeJPEG makes sure that damaged files never make the decoder panic: what Decode recovers from would hide that; and that what a recipe needs of a file is the
// same in memory that other files were decoded in.
func FuzzDecodeJPEG(f *testing.F) {
	for name, data := range unzip(f, filepath.Join(testdata, "jpegs.zip")) {
		if strings.HasSuffix(name, ".jpg") && len(data) < 2000 {
			f.Add(data)
		}
	}
	decoder, recipe := new(jpeg.Decoder), card.Recipe{Resize: card.ShorterEdge, ResizeTo: 40, Crop: 11, Interpolation: card.Bicubic}
	f.Fuzz(func(t *testing.T, data []byte) {
		if config, err := jpegConfig(data); err == nil && config.Width*config.Height < 1<<18 {
			want, failed := decodeJPEG(data)
			got, err := decodeJPEGFor(decoder, recipe, data)
			if fmt.Sprint(err) != fmt.Sprint(failed) {
				t.Fatalf("%v, and %v for the whole picture", err, failed)
			}
			window := sourceWindow(recipe, config.Width, config.Height)
			for y := window.Min.Y; err == nil && y < window.Max.Y; y++ {
				if from, to := 3*window.Min.X, 3*window.Max.X; !bytes.Equal(got.row(y)[from:to], want.row(y)[from:to]) {
					t.Fatalf("line %d of %v differs", y, window)
				}
			}
		}
		_ = exifOfJPEG(data).orientation()
	})
}
