package card_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
)

func TestRecipeFor_Sources(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	for _, source := range card.RecipeNames() {
		for _, size := range []int{224, 384, 512} {
			recipe, err := card.RecipeFor(source, size)
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
		"unilm %d shorter-edge bicubic 0.5":                 {256, 384, 512},
		"timm %d shorter-edge bicubic 0.5":                  {248, 384, 512},
		"paddlevit %d shorter-edge bicubic 0.5":             {248, 384, 512},
		"passl %d shorter-edge bicubic 0.5":                 {248, 384, 512},
		"passl-digits %d squash bicubic 0.5":                {224, 384, 512},
		"hf %d squash bilinear 0.5":                         {224, 384, 512},
		"hf-torchvision %d squash bilinear 0.5":             {224, 384, 512},
		"unilm-v2 %d shorter-edge bicubic 0.485":            {256, 384, 512},
		"timm-v2 %d shorter-edge bicubic 0.485":             {248, 384, 512},
		"timm-v2-large %d shorter-edge bicubic 0.485":       {235, 384, 512},
		"hf-data2vec %d squash bicubic 0.5":                 {224, 384, 512},
		"openmmlab %d shorter-edge bicubic 0.5":             {256, 384, 512},
		"openmmlab-v2 %d shorter-edge bicubic 0.485":        {256, 384, 512},
		"timm-eva-clip %d shorter-edge bicubic 0.48145466":  {248, 384, 512},
		"timm-eva-clip-squash %d squash bicubic 0.48145466": {224, 384, 512},
		"timm-eva %d squash bicubic 0.485":                  {224, 384, 512},
		"dvae %d shorter-edge lanczos -0.125":               {224, 384, 512},
		"vqkd %d shorter-edge bicubic 0.5":                  {256, 384, 512},
	} {
		for i, size := range []int{224, 384, 512} {
			want[fmt.Sprintf(line, size)] = edges[i]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("edge to resize to (-want +got):\n%s", diff)
	}
}

func TestRecipeFor_Errors(t *testing.T) {
	t.Parallel()
	_, err := card.RecipeFor("tim", 224)
	var unknown *card.UnknownRecipeError
	if !errors.As(err, &unknown) || unknown.Name != "tim" || !strings.Contains(unknown.Hint(), "timm-v2-large") {
		t.Errorf("error is %v", err)
	}
	for _, size := range []int{0, -5, math.MaxInt} {
		if _, err := card.RecipeFor("timm", size); err == nil {
			t.Errorf("size %d: no error", size)
		}
	}
}

func TestRecipe_ValidateReportsEverything(t *testing.T) {
	t.Parallel()
	err := card.Recipe{Resize: "stretch", ResizeTo: -1, Crop: 1 << 20, Mean: [3]float64{math.NaN(), 2, 0}}.Validate()
	want := []string{
		`recipe: resize is "stretch"; known: shorter-edge, squash`,
		`interpolation is ""; known: bilinear, bicubic, lanczos`,
		"resize_to is -1 pixels, want 1 to 8192",
		"crop is 1048576 pixels, want 1 to 8192",
		"mean[0] is NaN, want 0 to 1",
		"std[0] is 0, want 0.001 to 1",
		"mean[1] is 2, want 0 to 1",
		"std[1] is 0, want 0.001 to 1",
		"std[2] is 0, want 0.001 to 1",
	}
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestRecipe_CropOffset has the pixels at which center_crop of torchvision 0.26, and of transformers 5.23 with Pillow and with torchvision, begins to crop 56
// pixels.
func TestRecipe_CropOffset(t *testing.T) {
	t.Parallel()
	even := card.Recipe{Resize: card.Squash, Crop: 56}
	down := even
	down.Rounding = card.Down
	tensors := down
	tensors.Arithmetic = card.Tensors
	for n, want := range map[int][3]int{
		56: {0, 0, 0}, 57: {0, 0, 0}, 58: {1, 1, 1}, 59: {2, 1, 1}, 60: {2, 2, 2}, 61: {2, 2, 2}, 63: {4, 3, 3}, 54: {-1, -1, -1}, 53: {-1, -2, -1},
	} {
		if got := [3]int{even.CropOffset(n), down.CropOffset(n), tensors.CropOffset(n)}; got != want {
			t.Errorf("%d pixels: %v, want %v", n, got, want)
		}
	}
	for to, want := range map[int]bool{56: false, 57: false, 58: false, 59: true, 63: true} {
		even.ResizeTo = to
		if even.RoundingMatters() != want {
			t.Errorf("resized to %d: matters %v", to, !want)
		}
	}
	even.Resize = card.ShorterEdge
	if !even.RoundingMatters() {
		t.Error("a longer edge can have any length")
	}
}
