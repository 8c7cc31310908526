package preprocess_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// TestRecognises_PicturesAndOthers looks at pictures of test data, and at files that are none.
func TestRecognises_PicturesAndOthers(t *testing.T) {
	t.Parallel()
	head := func(path string) []byte {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return raw[:min(len(raw), preprocess.HeadLen)]
	}
	pictures, err := filepath.Glob("../../manifests/embedded/images/*/*.png")
	if err != nil || len(pictures) != 360 {
		t.Fatal(len(pictures), err)
	}
	for _, path := range append(pictures, "../../testdata/cards/cat.png") {
		if !preprocess.Recognises(head(path)) || !preprocess.HasEnding(path) {
			t.Errorf("%s is not recognised", path)
		}
	}
	for _, path := range []string{"../../go.mod", "../../testdata/tiny/tiny_p16_32.unilm.pth", "recognise_test.go"} {
		if preprocess.Recognises(head(path)) || preprocess.HasEnding(path) {
			t.Errorf("%s is taken for a picture", path)
		}
	}
	if preprocess.Recognises(nil) || !preprocess.HasEnding("A.JPEG") || preprocess.HasEnding("jpg") {
		t.Error("nothing, or names")
	}
}

// TestRestore_IsPixels makes sure that a tensor gives back the picture that it was made of, to the bit.
func TestRestore_IsPixels(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../../testdata/cards/cat.png")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, err := preprocess.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, mean := range []float64{0.5, 0.485} {
		recipe := card.Recipe{ResizeTo: 48, Resize: card.ShorterEdge, Crop: 40, Interpolation: card.Bicubic, Mean: [3]float64{mean, 0.456, 0.406}, Std: [3]float64{0.229, 0.224, 0.225}}
		want, err := preprocess.Pixels(recipe, decoded)
		if err != nil {
			t.Fatal(err)
		}
		tensor, err := preprocess.Apply(recipe, decoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, preprocess.Restore(recipe, tensor)); diff != "" {
			t.Error(diff)
		}
	}
}
