package preprocess_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// TestDecodeIndices compares with what mmsegmentation's LoadAnnotations reads, with Pillow, of grey, palette and 1 bit: dev/interop/pixels.py recorded its CRC-32. Labels of
// ADE20K are recorded with 1 less, and with 255 for 0.
func TestDecodeIndices(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"ade20k", "cityscapes"} {
		figures := filepath.Join("..", "..", "testdata", "segmentation", "figures")
		raw, err := os.ReadFile(filepath.Join(figures, layout+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			Reduce   bool `json:"reduce_zero_label"`
			Pictures []struct {
				Labels string
				CRC32  uint32 `json:"crc32_of_labels"`
			}
		}
		if err := json.Unmarshal(raw, &recorded); err != nil || len(recorded.Pictures) == 0 {
			t.Fatal(err)
		}
		folder := filepath.Join(figures, layout, map[string]string{"ade20k": "annotations/validation", "cityscapes": "gtFine/val"}[layout])
		for _, p := range recorded.Pictures {
			file, err := os.ReadFile(filepath.Join(folder, p.Labels))
			if err != nil {
				t.Fatal(err)
			}
			got, err := preprocess.DecodeIndices(bytes.NewReader(file))
			if err != nil || len(got.Values) != got.Width*got.Height {
				t.Fatalf("%s: %v", p.Labels, err)
			}
			if recorded.Reduce {
				for i, v := range got.Values {
					if got.Values[i] = v - 1; v == 0 || v == 255 {
						got.Values[i] = 255
					}
				}
			}
			if crc32.ChecksumIEEE(got.Values) != p.CRC32 {
				t.Errorf("%s: other values", p.Labels)
			}
		}
	}
}

// TestDecodeIndices_Refuses has what is no list of numbers.
func TestDecodeIndices_Refuses(t *testing.T) {
	t.Parallel()
	for name, drawn := range map[string]image.Image{"colours": image.NewNRGBA(image.Rect(0, 0, 2, 2)), "16 bits": image.NewGray16(image.Rect(0, 0, 2, 2))} {
		var file bytes.Buffer
		if err := png.Encode(&file, drawn); err != nil {
			t.Fatal(err)
		}
		if _, err := preprocess.DecodeIndices(&file); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"made_grey2.png", "made_411.jpg"} {
		file, err := os.ReadFile(filepath.Join(golden, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := preprocess.DecodeIndices(bytes.NewReader(file)); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := preprocess.DecodeIndices(bytes.NewReader([]byte("text"))); !errors.Is(err, preprocess.ErrFormat) {
		t.Error(err)
	}
}

// TestDecodeSize: the size is that of the decoded picture, of all kinds, also of one that is to be turned.
func TestDecodeSize(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(golden, "made_*"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	files = append(files, filepath.Join("..", "..", "testdata", "segmentation", "figures", "ade20k", "images", "validation", "p03.jpg"))
	turned := 0
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, upright := range []bool{false, true} {
			decode := preprocess.Decode
			if upright {
				decode = preprocess.DecodeUpright
			}
			want, err := decode(bytes.NewReader(file))
			if err != nil {
				continue
			}
			got, err := preprocess.DecodeSize(bytes.NewReader(file), upright)
			if err != nil || got != image.Pt(want.Width, want.Height) {
				t.Errorf("%s, upright %t: %v, %v", path, upright, got, err)
			}
			if other, err := preprocess.DecodeSize(bytes.NewReader(file), !upright); err == nil && other != got {
				turned++
			}
		}
	}
	if turned == 0 {
		t.Error("no picture is turned")
	}
}
