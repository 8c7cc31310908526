package preprocess

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
)

// TestDecode_DrawnKinds makes sure that the pixels of drawn pictures of all kinds are those that Pillow reads.
func TestDecode_DrawnKinds(t *testing.T) {
	t.Parallel()
	files := unzip(t, filepath.Join(testdata, "kinds.zip"))
	var digests map[string]string
	if err := json.Unmarshal(files["rgb.json"], &digests); err != nil {
		t.Fatal(err)
	}
	if len(digests) < 150 || len(digests) != len(files)-2 {
		t.Fatalf("%d digests for %d files", len(digests), len(files)-2)
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

// TestDecode_Damaged makes sure that damaged files that Pillow reads to the end are read, to the same pixels. Two kinds of them are not, and say so.
func TestDecode_Damaged(t *testing.T) {
	t.Parallel()
	files := unzip(t, filepath.Join(testdata, "damaged.zip"))
	var digests map[string]string
	if err := json.Unmarshal(files["rgb.json"], &digests); err != nil {
		t.Fatal(err)
	}
	read := 0
	for name, want := range digests {
		decoded, err := Decode(bytes.NewReader(files[name]))
		if err != nil {
			if text := err.Error(); !strings.Contains(text, "ccitt: ") && !strings.Contains(text, "a JPEG part") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		read++
		if sum := sha256.Sum256(decoded.Pix); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: other pixels", name)
		}
	}
	if read < 200 {
		t.Errorf("only %d files were read", read)
	}
}

// TestPrepare_Turns makes sure that pictures are turned as Pillow's exif_transpose turns them, and that it is said if they are not.
func TestPrepare_Turns(t *testing.T) {
	t.Parallel()
	files := unzip(t, filepath.Join(testdata, "kinds.zip"))
	var stored, turned map[string]string
	if err := errors.Join(json.Unmarshal(files["rgb.json"], &stored), json.Unmarshal(files["turned.json"], &turned)); err != nil {
		t.Fatal(err)
	}
	recipe, err := card.RecipeFor("hf", 224)
	if err != nil {
		t.Fatal(err)
	}
	upright := recipe
	upright.Orientation = card.Upright
	differ, work := 0, new(workspace)
	for name, want := range turned {
		decoded, stated, err := limits{MaxFileBytes, MaxPixels}.picture(work, upright, bytes.NewReader(files[name]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if sum := sha256.Sum256(decoded.Pix); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: turned otherwise than by %d", name, stated)
		}
		prepared, err := Prepare(recipe, bytes.NewReader(files[name]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want != stored[name] {
			differ++
		}
		if (want != stored[name]) != (prepared.Unturned > 1) {
			t.Errorf("%s: %d is said not to be applied", name, prepared.Unturned)
		}
	}
	if differ < 15 {
		t.Errorf("only %d files are to be turned", differ)
	}
}

// TestPrepare_OnlyWhatIsNeeded makes sure that decoding no more than a recipe needs gives the same tensor as decoding all of it.
func TestPrepare_OnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	files := unzip(t, filepath.Join(testdata, "jpegs.zip"))
	for _, name := range []string{"rocket.jpg", "odd_cmyk.jpg", "odd_progressive.jpg"} {
		files[name] = read(t, name)
	}
	crop := card.Recipe{Resize: card.ShorterEdge, ResizeTo: 40, Crop: 11, Interpolation: card.Lanczos, Std: [3]float64{1, 1, 1}}
	large := card.Recipe{Resize: card.ShorterEdge, ResizeTo: 40, Crop: 60, Interpolation: card.Bilinear, Arithmetic: card.Tensors, Std: [3]float64{1, 1, 1}}
	for name, data := range files {
		decoded, err := Decode(bytes.NewReader(data))
		if err != nil {
			continue // TestDecode_DrawnJPEGs says whether that is right
		}
		for _, recipe := range []card.Recipe{crop, large} {
			want, err := Apply(recipe, decoded)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Prepare(recipe, bytes.NewReader(data))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !slices.Equal(got.Tensor, want) {
				t.Errorf("%s, %+v: another tensor", name, recipe)
			}
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
			if candidate.exif != nil {
				_ = candidate.exif(data).orientation()
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
