package verify_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestVerify_Samples compares the samples with the pictures and the logits of a recording.
func TestVerify_Samples(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	r := run(t, subject(g, tensor.F32), verify.Recorded(g.Name, g.Recording))
	logits, _ := g.Recording.Activation("logits")
	if len(r.Samples) != g.Recording.Images {
		t.Fatalf("%d samples of %d images", len(r.Samples), g.Recording.Images)
	}
	for i, s := range r.Samples {
		one := len(g.Recording.Pixels) / g.Recording.Images
		if s.Image != i || s.Differs() || !slices.Equal(s.Pixels, g.Recording.Pixels[i*one:(i+1)*one]) || s.Channels != 3 || s.Height != 64 || s.Width != 64 {
			t.Errorf("image %d: %d, %d pixels, %d x %d x %d", i, s.Image, len(s.Pixels), s.Channels, s.Height, s.Width)
		}
		row := logits.Values[i*10 : (i+1)*10]
		sum := 0.0
		for _, logit := range row {
			sum += math.Exp(logit)
		}
		ordered := slices.Clone(row)
		slices.Sort(ordered)
		slices.Reverse(ordered)
		if len(s.Want) != 5 || len(s.Got) != 5 {
			t.Fatalf("image %d: %d and %d classes", i, len(s.Got), len(s.Want))
		}
		for n, score := range s.Want {
			if score.Logit != ordered[n] || row[score.Class] != score.Logit || math.Abs(score.Probability-math.Exp(score.Logit)/sum) > 1e-12 {
				t.Errorf("image %d: %+v is number %d", i, score, n)
			}
			if math.Abs(score.Logit-s.Got[n].Logit) > 1e-3 || score.Class != s.Got[n].Class {
				t.Errorf("image %d: %+v beside %+v", i, s.Got[n], score)
			}
		}
	}
}

// TestVerify_SamplesAreBounded has differing images behind many that agree: they stay. What has no classes, or is not finite, is a picture alone.
func TestVerify_SamplesAreBounded(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "tiny_p16_32.passl.float32")
	const images = 230 // two batches
	whole := &recording.Recording{DType: tensor.F32, Images: images, Probes: &recording.Probes{First: 0, Last: images - 1, Seed: 9}}
	var pixels []float32
	for n := range images {
		pixels = append(pixels, synth.Image(n, g.Config, 9)...)
	}
	model, err := native.Engine{}.Load(t.Context(), g.Config, g.Weights, engine.Options{DType: tensor.F32})
	if err != nil {
		t.Fatal(err)
	}
	logits, err := model.Forward(t.Context(), engine.Input{Pixels: pixels}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 220} { // of another class than the model says
		row := logits.Values[n*10 : (n+1)*10]
		row[(slices.Index(row, slices.Max(row))+1)%10] += 50
	}
	logits.Values[5*10] = math.Inf(-1)
	whole.Activations = []engine.Activation{logits}
	r, err := verify.Verify(t.Context(), subject(g, tensor.F32), verify.Recorded("r", whole), verify.Options{NoBlame: true})
	if err != nil {
		t.Fatal(err)
	}
	var kept, differ []int
	for _, s := range r.Samples {
		kept = append(kept, s.Image)
		if s.Differs() {
			differ = append(differ, s.Image)
		}
		if !slices.Equal(s.Pixels, synth.Image(s.Image, g.Config, 9)) || (s.Image == 5) != (s.Want == nil) {
			t.Errorf("image %d is another, or has the classes %v", s.Image, s.Want)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5, 6, 220}, kept); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{3, 220}, differ); diff != "" {
		t.Error(diff)
	}
	masked := verifytest.One(t, "tiny_mim_p16_64.unilm.float64")
	m := run(t, subject(masked, tensor.Invalid), verify.Recorded(masked.Name, masked.Recording))
	for _, s := range m.Samples {
		if s.Got != nil || s.Want != nil || s.Pixels == nil {
			t.Errorf("a masked model takes image %d for %v", s.Image, s.Got)
		}
	}
}
