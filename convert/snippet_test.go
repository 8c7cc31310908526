package convert_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestSnippet compares the lines of Python with those that were run with the programs' own code, and what the model computed which they built with what
// the plain Go engine computes. `make interop` runs the lines of models that are drawn.
func TestSnippet(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(testdata + "snippets/digits.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded map[string]struct {
		Scheme string    `json:"scheme"`
		Lines  []string  `json:"lines"`
		Logits []float64 `json:"logits"`
	}
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	const epsilon = 1e-5
	want := logitsOfRamp(t, testdata+"../manifests/embedded/digits_p16_64.pdparams", epsilon)
	for target, run := range recorded {
		folder := t.TempDir()
		options := convert.Options{OpenOptions: convert.OpenOptions{Epsilon: epsilon}, SaveOptions: convert.SaveOptions{To: run.Scheme}}
		report := mustConvert(t, testdata+"../manifests/embedded/digits_p16_64.pdparams", folder+"/"+target, options)
		got := strings.ReplaceAll(report.Snippet, folder+string(filepath.Separator), "")
		if diff := cmp.Diff(run.Lines, strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s: other lines than were run (-run +now):\n%s", target, diff)
		}
		for class, logit := range run.Logits {
			if !(math.Abs(logit-want[class]) < 1e-5) {
				t.Errorf("%s: logit %d is %g, in plain Go %g", target, class, logit, want[class])
			}
		}
	}
	if len(recorded) < 6 {
		t.Errorf("only %d forms were run", len(recorded))
	}
}

// logitsOfRamp runs a model on an image whose values rise evenly from -1 to 1.
func logitsOfRamp(t *testing.T, path string, epsilon float64) []float64 {
	t.Helper()
	model, err := convert.Open(t.Context(), path, convert.OpenOptions{Epsilon: epsilon})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	loaded, err := native.Engine{}.Load(t.Context(), model.Config, model.Tensors, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	pixels := make([]float32, 3*model.Config.ImageHeight*model.Config.ImageWidth)
	for i := range pixels {
		pixels[i] = float32(-1 + 2*float64(i)/float64(len(pixels)-1))
	}
	out, err := loaded.Forward(t.Context(), engine.Input{Pixels: pixels}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.Values
}
