package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// TestResizeOpenCV compares with cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR) of opencv-python 4.12.0 and 5.0.0, to the bit: the beginning
// of the SHA-256 of what it returned.
func TestResizeOpenCV(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fromWidth, fromHeight, width, height int
		want                                 string
	}{
		{500, 375, 853, 640, "ddf8978f9009c71f"},
		{37, 29, 20, 11, "f092e1072f6c2c85"},
		{40, 30, 20, 15, "bec61ba227ccddaf"}, // both edges halved: another way
		{64, 48, 64, 24, "0033fb9788d5e998"},
		{7, 5, 19, 23, "476a34c5fbf4219a"},
		{1, 1, 3, 2, "2b12699964cf803e"},
		{3, 100, 1, 33, "106ad1ca9c89629c"},
		{1000, 700, 914, 640, "d2ee793815851cd0"},
	} {
		p := preprocess.NewRGB8(c.fromWidth, c.fromHeight)
		for i := range p.Pix {
			n := uint64(i)
			p.Pix[i] = uint8((7*n*n + 13*n) >> 3)
		}
		got, err := resizeOpenCV(t.Context(), 3, p, c.width, c.height)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(got.Pix)
		if hex.EncodeToString(sum[:8]) != c.want || got.Width != c.width || got.Height != c.height {
			t.Errorf("%d x %d to %d x %d: other samples", c.fromWidth, c.fromHeight, c.width, c.height)
		}
	}
}

// TestStarts has the windows of open-mmlab/mmsegmentation's slide_inference for edges of resized pictures.
func TestStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size, window, stride int
		want                 []int
	}{
		{640, 640, 426, []int{0}},
		{853, 640, 426, []int{0, 213}},
		{1138, 640, 426, []int{0, 426, 498}},
		{2560, 640, 426, []int{0, 426, 852, 1278, 1704, 1920}},
		{641, 640, 426, []int{0, 1}},
		{427, 640, 426, []int{0}},
		{1, 512, 341, []int{0}},
	} {
		if got := starts(c.size, c.window, c.stride); !slices.Equal(got, c.want) {
			t.Errorf("%d pixels, windows of %d every %d: %v, not %v", c.size, c.window, c.stride, got, c.want)
		}
	}
}

// TestRecipe_Size has sizes of mmcv's rescale_size.
func TestRecipe_Size(t *testing.T) {
	t.Parallel()
	r, err := RecipeByName("unilm-ade640")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][4]int{{500, 375, 853, 640}, {375, 500, 640, 853}, {683, 512, 854, 640}, {5000, 400, 2560, 205}, {3, 1, 1920, 640}, {1, 1, 640, 640}} {
		if width, height := r.size(c[0], c[1]); width != c[2] || height != c[3] {
			t.Errorf("%d x %d becomes %d x %d, not %d x %d", c[0], c[1], width, height, c[2], c[3])
		}
	}
}
