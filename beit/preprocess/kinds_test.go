package preprocess

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"testing"
)

// TestDecode_DrawnKinds makes sure that the pixels of drawn pictures of all kinds are those that Pillow reads.
func TestDecode_DrawnKinds(t *testing.T) {
	t.Parallel()
	files := unzip(t, filepath.Join(testdata, "kinds.zip"))
	var digests map[string]string
	if err := json.Unmarshal(files["rgb.json"], &digests); err != nil {
		t.Fatal(err)
	}
	if len(digests) < 150 || len(digests) != len(files)-1 {
		t.Fatalf("%d digests for %d files", len(digests), len(files)-1)
	}
	for name, want := range digests {
		decoded, err := Decode(bytes.NewReader(files[name]))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if sum := sha256.Sum256(decoded.Pix); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: other pixels", name)
		}
	}
}

// fuzzFormat calls a decoder with damaged files. It must not panic: what Decode recovers from would hide that.
func fuzzFormat(f *testing.F, format, ending string) {
	seeds := 0
	for name, data := range unzip(f, filepath.Join(testdata, "kinds.zip")) {
		if filepath.Ext(name) == ending && len(data) < 4000 {
			f.Add(data)
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, candidate := range formats {
			if candidate.name != format || !begins(data, candidate.magic) {
				continue
			}
			config, err := candidate.config(data)
			if err != nil || config.Width <= 0 || config.Height <= 0 || config.Width > 1<<18/config.Height {
				return
			}
			decoded, err := candidate.decode(data)
			if err == nil && (decoded.Width != config.Width || decoded.Height != config.Height || len(decoded.Pix) != 3*decoded.Width*decoded.Height) {
				t.Errorf("%d x %d pixels with %d samples, want %d x %d", decoded.Width, decoded.Height, len(decoded.Pix), config.Width, config.Height)
			}
		}
	})
}

func FuzzDecodePNG(f *testing.F)  { fuzzFormat(f, "PNG", ".png") }
func FuzzDecodeBMP(f *testing.F)  { fuzzFormat(f, "BMP", ".bmp") }
func FuzzDecodeTIFF(f *testing.F) { fuzzFormat(f, "TIFF", ".tif") }
func FuzzDecodeGIF(f *testing.F)  { fuzzFormat(f, "GIF", ".gif") }
func FuzzDecodeWebP(f *testing.F) { fuzzFormat(f, "WebP", ".webp") }
func FuzzDecodePPM(f *testing.F)  { fuzzFormat(f, "PPM", ".ppm") }
