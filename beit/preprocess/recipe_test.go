package preprocess_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// noise is the picture that testdata/preprocess/make.py calls noise.
func noise(width, height int) *preprocess.RGB8 {
	p := preprocess.NewRGB8(width, height)
	state := uint32(width*65537 + height)
	for i := range p.Pix {
		state = state*1664525 + 1013904223
		p.Pix[i] = uint8(state >> 24)
	}
	return p
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// unit is a recipe with statistics that validate, for tests that look at pixels.
func unit(resize preprocess.Resize, to, crop int, interpolation preprocess.Interpolation) preprocess.Recipe {
	return preprocess.Recipe{Resize: resize, ResizeTo: to, Crop: crop, Interpolation: interpolation, Std: [3]float64{1, 1, 1}}
}

func TestGeometryIsTorchvisions(t *testing.T) {
	t.Parallel()
	type row struct {
		width, height int
		resize        string
		to, crop      int
		interpolation string
		sha256        string
	}
	for _, r := range table(t, "recipes.json", func(cells []json.RawMessage) (r row, err error) {
		return r, columns(cells, &r.width, &r.height, &r.resize, &r.to, &r.crop, &r.interpolation, &r.sha256)
	}) {
		recipe := unit(preprocess.Resize(r.resize), r.to, r.crop, preprocess.Interpolation(r.interpolation))
		got, err := recipe.Pixels(noise(r.width, r.height))
		if err != nil {
			t.Fatal(err)
		}
		if digest(got.Pix) != r.sha256 {
			t.Errorf("%+v: other pixels", r)
		}
	}
}

func TestNormaliseIsTorchvisions(t *testing.T) {
	t.Parallel()
	type row struct {
		mean, std [3]float64
		sha256    string
	}
	ramp := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range ramp.Pix {
		ramp.Pix[i] = uint8(i)
	}
	for _, r := range table(t, "normalise.json", func(cells []json.RawMessage) (r row, err error) {
		return r, columns(cells, &r.mean, &r.std, &r.sha256)
	}) {
		recipe := unit(preprocess.Squash, 16, 16, preprocess.Bicubic)
		recipe.Mean, recipe.Std = r.mean, r.std
		tensor, err := recipe.Apply(ramp)
		if err != nil {
			t.Fatal(err)
		}
		data, err := binary.Append(nil, binary.LittleEndian, tensor)
		if err != nil {
			t.Fatal(err)
		}
		if digest(data) != r.sha256 {
			t.Errorf("mean %v, std %v: other values", r.mean, r.std)
		}
	}
}

func TestInksArePillows(t *testing.T) {
	t.Parallel()
	want := table(t, "cmyk.json", func(cells []json.RawMessage) (sum string, err error) { return sum, columns(cells, &sum) })
	inks := image.NewCMYK(image.Rect(0, 0, 256, 256))
	for i := range 256 * 256 {
		x, y := uint8(i), uint8(i>>8)
		copy(inks.Pix[4*i:], []uint8{x, 255 - x, x / 2, y})
	}
	got, err := preprocess.FromImage(inks)
	if err != nil {
		t.Fatal(err)
	}
	if digest(got.Pix) != want[0] {
		t.Error("other pixels")
	}
}

func TestRecipeForSources(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	for _, source := range preprocess.Sources() {
		for _, size := range []int{224, 384, 512} {
			recipe, err := preprocess.RecipeFor(source, size)
			if err != nil {
				t.Fatal(err)
			}
			if recipe.Crop != size {
				t.Errorf("%s: crop is %d, want %d", source, recipe.Crop, size)
			}
			got[fmt.Sprint(source, " ", size, " ", recipe.Resize, " ", recipe.Interpolation, " ", recipe.Mean[0])] = recipe.ResizeTo
		}
	}
	want := map[string]int{}
	for line, edges := range map[string][3]int{
		"unilm %d shorter-edge bicubic 0.5":           {256, 384, 512},
		"timm %d shorter-edge bicubic 0.5":            {248, 384, 512},
		"paddlevit %d shorter-edge bicubic 0.5":       {248, 384, 512},
		"passl %d shorter-edge bicubic 0.5":           {248, 384, 512},
		"passl-digits %d squash bicubic 0.5":          {224, 384, 512},
		"hf %d squash bilinear 0.5":                   {224, 384, 512},
		"unilm-v2 %d shorter-edge bicubic 0.485":      {256, 384, 512},
		"timm-v2 %d shorter-edge bicubic 0.485":       {248, 384, 512},
		"timm-v2-large %d shorter-edge bicubic 0.485": {235, 384, 512},
	} {
		for i, size := range []int{224, 384, 512} {
			want[fmt.Sprintf(line, size)] = edges[i]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("edge to resize to (-want +got):\n%s", diff)
	}
}

func TestRecipeForUnknownSource(t *testing.T) {
	t.Parallel()
	_, err := preprocess.RecipeFor("tim", 224)
	var unknown *preprocess.UnknownSourceError
	if !errors.As(err, &unknown) || unknown.Source != "tim" || !strings.Contains(unknown.Hint(), "timm-v2-large") {
		t.Errorf("error is %v", err)
	}
	for _, size := range []int{0, -5, math.MaxInt} {
		if _, err := preprocess.RecipeFor("timm", size); err == nil {
			t.Errorf("size %d: no error", size)
		}
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	t.Parallel()
	err := preprocess.Recipe{Resize: "stretch", ResizeTo: -1, Crop: 1 << 20, Mean: [3]float64{math.NaN(), 2, 0}}.Validate()
	want := []string{
		`resize is "stretch", want "shorter-edge" or "squash"`,
		`interpolation is "", want "bilinear" or "bicubic"`,
		"resize_to is -1 pixels, want 1 to 8192",
		"crop is 1048576 pixels, want 1 to 8192",
		"mean of channel 0 is NaN, want 0 to 1",
		"std of channel 0 is 0, want 0.001 to 1000",
		"mean of channel 1 is 2, want 0 to 1",
		"std of channel 1 is 0, want 0.001 to 1000",
		"std of channel 2 is 0, want 0.001 to 1000",
	}
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if _, err := (preprocess.Recipe{}).Apply(noise(2, 2)); err == nil {
		t.Error("the zero recipe was applied")
	}
}

// A long thin picture must not make the part that is cropped away.
func TestExtremeAspectRatio(t *testing.T) {
	t.Parallel()
	recipe, err := preprocess.RecipeFor("timm", 224)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []image.Point{{X: 1, Y: 200_000}, {X: 200_000, Y: 1}} {
		line := image.NewUniform(color.NRGBA{R: 10, G: 20, B: 30, A: 0})
		pixels, err := recipe.Pixels(bounded{line, image.Rectangle{Max: size}})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range pixels.Pix {
			if want := uint8(10 * (i%3 + 1)); v != want {
				t.Fatalf("%v: sample %d is %d, want %d", size, i, v, want)
			}
		}
	}
}

// bounded gives an unbounded picture bounds.
type bounded struct {
	image.Image
	rectangle image.Rectangle
}

func (b bounded) Bounds() image.Rectangle { return b.rectangle }
