package beitzoo_test

import (
	"path/filepath"
	"testing"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// TestPublished_SameAnswer publishes folders of transformers and of timm: the prepared picture, every logit and the names of the classes are those of the folder, bit for
// bit.
func TestPublished_SameAnswer(t *testing.T) {
	t.Parallel()
	public, secret, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	target, err := place.OpenFolder(filepath.Join(t.TempDir(), "place"))
	if err != nil {
		t.Fatal(err)
	}
	local, err := cache.New(filepath.Join(t.TempDir(), "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	z, err := beitzoo.NewZoo(zoo.Options{Cache: local, State: t.TempDir(), Places: []place.Place{target}, Keys: trust.Keyring{public}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ folder, image, first string }{
		"animals": {"hf_multi_label", "a.png", "animal 8"},
		"birds":   {"timm_v2_crop90", "cat.png", "animal1"},
	} {
		folder, image := filepath.Join("testdata", "cards", c.folder), filepath.Join("testdata", "cards", c.image)
		published, err := z.Publish(t.Context(), target, zoo.Publication{Checkpoint: folder, Name: name, Version: "1.0.0", Key: secret})
		if err != nil {
			t.Fatal(err)
		}
		want, wantPixels := answer(t, folder, image, nil)
		got, gotPixels := answer(t, name, image, z)
		if diff := cmp.Diff(wantPixels, gotPixels); diff != "" {
			t.Errorf("%s: the prepared picture: %s", name, diff)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got.Labels[got.Best] != c.first {
			t.Errorf("%s: the answer is %s, want %s", name, got.Labels[got.Best], c.first)
		}
		if diff := cmp.Diff(got.Labels, published.Card.Labels); diff != "" {
			t.Errorf("%s: what publish says: %s", name, diff)
		}
	}
}

// modelAnswer is what a model says about a picture, and how its logits are to be read.
type modelAnswer struct {
	Logits   []float64
	Best     int
	Labels   []string
	Function string
	Epsilon  float64
}

func answer(t *testing.T, model, image string, z *zoo.Zoo) (modelAnswer, []float32) {
	t.Helper()
	opened, err := beitzoo.Open(t.Context(), model, beitzoo.Options{Zoo: z})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	pixels, err := preprocess.Files(t.Context(), opened.Recipe(), []string{image})
	if err != nil {
		t.Fatal(err)
	}
	logits, err := opened.Files(t.Context(), []string{image})
	if err != nil {
		t.Fatal(err)
	}
	return modelAnswer{
		Logits: logits[0], Best: opened.Top(logits[0], 1)[0].Index, Labels: opened.Labels(), Function: string(opened.Function()), Epsilon: opened.Config().Epsilon,
	}, pixels
}
