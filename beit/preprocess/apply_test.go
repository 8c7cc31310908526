package preprocess_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// noise is the image that testdata/preprocess/make.py calls noise.
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

// unit returns a recipe with any valid mean and std, for tests of pixels.
func unit(resize card.Resize, to, crop int, interpolation card.Interpolation) card.Recipe {
	return card.Recipe{Resize: resize, ResizeTo: to, Crop: crop, Interpolation: interpolation, Std: [3]float64{1, 1, 1}}
}

func TestPixels_GeometryMatchesTorchvision(t *testing.T) {
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
		recipe := unit(card.Resize(r.resize), r.to, r.crop, card.Interpolation(r.interpolation))
		got, err := preprocess.Pixels(recipe, noise(r.width, r.height))
		if err != nil {
			t.Fatal(err)
		}
		if digest(got.Pix) != r.sha256 {
			t.Errorf("%+v: other pixels", r)
		}
	}
}

func TestApply_NormalisationMatchesTorchvision(t *testing.T) {
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
		recipe := unit(card.Squash, 16, 16, card.Bicubic)
		recipe.Mean, recipe.Std = r.mean, r.std
		tensor, err := preprocess.Apply(recipe, ramp)
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

// TestApply_TokenizersMapPixels compares all grey levels with what the tokenizers' own code makes of them.
func TestApply_TokenizersMapPixels(t *testing.T) {
	t.Parallel()
	type row struct{ recipe, sha256 string }
	ramp := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range ramp.Pix {
		ramp.Pix[i] = uint8(i)
	}
	for _, r := range table(t, "mapped.json", func(cells []json.RawMessage) (r row, err error) {
		return r, columns(cells, &r.recipe, &r.sha256)
	}) {
		recipe, err := card.RecipeFor(r.recipe, 16)
		if err != nil {
			t.Fatal(err)
		}
		recipe.ResizeTo = 16
		tensor, err := preprocess.Apply(recipe, ramp)
		if err != nil {
			t.Fatal(err)
		}
		data, err := binary.Append(nil, binary.LittleEndian, tensor)
		if err != nil {
			t.Fatal(err)
		}
		if digest(data) != r.sha256 {
			t.Errorf("%s: other values", r.recipe)
		}
		if restored := preprocess.Restore(recipe, tensor); restored.Pix[3*200] != 200 {
			t.Errorf("%s: restored as %d", r.recipe, restored.Pix[3*200])
		}
	}
}

func TestFromImage_CMYKMatchesPillow(t *testing.T) {
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

func TestApply_ZeroRecipe(t *testing.T) {
	t.Parallel()
	var problem *card.RecipeError
	if _, err := preprocess.Apply(card.Recipe{}, noise(2, 2)); !errors.As(err, &problem) {
		t.Errorf("error is %v", err)
	}
}

// TestPixels_ExtremeAspectRatio makes sure that the part of a long thin image that is cropped away is not computed.
func TestPixels_ExtremeAspectRatio(t *testing.T) {
	t.Parallel()
	recipe, err := card.RecipeFor("timm", 224)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []image.Point{{X: 1, Y: 200_000}, {X: 200_000, Y: 1}} {
		line := image.NewUniform(color.NRGBA{R: 10, G: 20, B: 30, A: 0})
		pixels, err := preprocess.Pixels(recipe, bounded{line, image.Rectangle{Max: size}})
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

// bounded is an image with other bounds.
type bounded struct {
	image.Image
	rectangle image.Rectangle
}

func (b bounded) Bounds() image.Rectangle { return b.rectangle }
