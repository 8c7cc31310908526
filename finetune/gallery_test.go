package finetune_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/finetune/probe"
)

// images is a folder of the digits, one of each class.
const images = "../manifests/embedded/images"

func matched(t *testing.T, source string) dataset.Set {
	t.Helper()
	found, err := dataset.Open(t.Context(), []string{source}, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := found.Match(t.Context(), dataset.Model{Classes: 10}, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func recipe() card.Recipe {
	return card.Recipe{Resize: card.Squash, ResizeTo: 64, Interpolation: card.Bicubic, Crop: 64, Mean: [3]float64{.5, .5, .5}, Std: [3]float64{.5, .5, .5}}
}

// TestGallery_Picture compares with what the same recipe makes of the files for inference, of a folder and of a tar.
func TestGallery_Picture(t *testing.T) {
	t.Parallel()
	for source, n := range map[string]int{images: 360, "../testdata/tokenizer/digits_train.tar.gz": 1437} {
		g, err := finetune.NewGallery(t.Context(), matched(t, source), recipe(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if g.Len() != n {
			t.Fatalf("%s: %d pictures", source, g.Len())
		}
		total := 0
		for _, count := range g.Counts(10) {
			total += count
		}
		if total != n {
			t.Errorf("%s: %d pictures in classes", source, total)
		}
		pixels := make([]float32, 3*64*64)
		for range 2 { // a second time too
			class, err := g.Picture(t.Context(), 0, 3, pixels)
			if err != nil {
				t.Fatal(err)
			}
			if source != images {
				continue
			}
			files, err := filepath.Glob(images + "/*/*.png")
			if err != nil {
				t.Fatal(err)
			}
			want, err := preprocess.Files(t.Context(), recipe(), files[3:4])
			if err != nil || !slices.Equal(want, pixels) || filepath.Base(filepath.Dir(files[3])) != string(rune('0'+class)) {
				t.Errorf("picture 3 of class %d is another one (%v)", class, err)
			}
		}
	}
}

// TestGallery_HoldOut compares with what a linear probe holds out, of a folder and of a tar, whose pictures are then tested more than once.
func TestGallery_HoldOut(t *testing.T) {
	t.Parallel()
	for _, source := range []string{images, "../testdata/tokenizer/digits_train.tar.gz"} {
		whole, err := finetune.NewGallery(t.Context(), matched(t, source), recipe(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var classes []int
		var all [][]float32
		for i := range whole.Len() {
			pixels := make([]float32, 3*64*64)
			class, err := whole.Picture(t.Context(), 0, i, pixels)
			if err != nil {
				t.Fatal(err)
			}
			classes, all = append(classes, class), append(all, pixels)
		}
		learnt, tested := probe.Split(classes, 0.25, 3)
		rest, held := whole.HoldOut(0.25, 3)
		if rest.Len() != len(learnt) || held.Len() != len(tested) || held.Len() == 0 || held.Source() != matched(t, source).Source() {
			t.Fatalf("%s: %d and %d pictures of %q", source, rest.Len(), held.Len(), held.Source())
		}
		pixels := make([]float32, 3*64*64)
		for i, index := range learnt {
			if class, err := rest.Picture(t.Context(), 0, i, pixels); err != nil || class != classes[index] || !slices.Equal(pixels, all[index]) {
				t.Fatalf("%s: picture %d to learn from is not picture %d: %v", source, i, index, err)
			}
		}
		for range 2 {
			i := 0
			for example, err := range held.Examples(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				file, err := example.Open()
				if err != nil {
					t.Fatal(err)
				}
				_, err = preprocess.PrepareInto(pixels, recipe(), file)
				if index := tested[i]; errors.Join(err, file.Close()) != nil || example.Class != classes[index] || !slices.Equal(pixels, all[index]) {
					t.Fatalf("%s: picture %d to test on is not picture %d: %v", source, i, index, err)
				}
				i++
			}
		}
		_, again := whole.HoldOut(0.25, 3)
		if _, other := whole.HoldOut(0.25, 4); again.Digest() != held.Digest() || other.Digest() == held.Digest() {
			t.Errorf("%s: the seed is not what says which pictures are held out", source)
		}
	}
}

// TestGallery_Augment makes sure that what is augmented is the picture, in the epoch, and what comes of it is what is trained on.
func TestGallery_Augment(t *testing.T) {
	t.Parallel()
	g, err := finetune.NewGallery(t.Context(), matched(t, images), recipe(), 0)
	if err != nil {
		t.Fatal(err)
	}
	g.Augment = func(p *preprocess.RGB8, epoch, index int) ([]float32, error) {
		if p.Width != 8 || epoch != 4 || index != 7 {
			t.Errorf("%d pixels, epoch %d, index %d", p.Width, epoch, index)
		}
		out := make([]float32, 3*64*64)
		out[9] = 5
		return out, nil
	}
	pixels := make([]float32, 3*64*64)
	if _, err := g.Picture(t.Context(), 4, 7, pixels); err != nil || pixels[9] != 5 || pixels[8] != 0 {
		t.Errorf("%v, %v", pixels[8:10], err)
	}
	gone := errors.New("no")
	g.Augment = func(*preprocess.RGB8, int, int) ([]float32, error) { return nil, gone }
	file := (*preprocess.FileError)(nil)
	if _, err := g.Picture(t.Context(), 0, 0, pixels); !errors.Is(err, gone) || !errors.As(err, &file) || file.Path == "" {
		t.Errorf("%v", err)
	}
}

func TestGallery_Errors(t *testing.T) {
	t.Parallel()
	large := (*finetune.LargeSetError)(nil)
	_, err := finetune.NewGallery(t.Context(), matched(t, "../testdata/tokenizer/digits_train.tar.gz"), recipe(), 10_000)
	if !errors.As(err, &large) || large.Limit != 10_000 {
		t.Errorf("%v", err)
	}
	folder := t.TempDir()
	for class := range 10 {
		if err := os.Mkdir(filepath.Join(folder, string(rune('0'+class))), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, string(rune('0'+class)), "a.png"), []byte("no picture"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g, err := finetune.NewGallery(t.Context(), matched(t, folder), recipe(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Picture(t.Context(), 0, 2, make([]float32, 3*64*64)); err == nil || !strings.Contains(err.Error(), filepath.Join("2", "a.png")) {
		t.Errorf("%v", err)
	}
}
