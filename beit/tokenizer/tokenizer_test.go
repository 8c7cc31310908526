package tokenizer_test

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/tokenizer"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/tensor"
)

const testdata = "../../testdata/tokenizer/"

// digits returns the digits' tokenizer, as OpenAI's classes saved it.
func digits(t *testing.T) *tokenizer.Tokenizer {
	t.Helper()
	file, err := checkpoint.Open(t.Context(), testdata+"digits_dvae.encoder.pkl", checkpoint.Options{}, pytorch.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	config, err := arch.ByName("digits_dvae_encoder")
	if err != nil {
		t.Fatal(err)
	}
	model, err := native.Engine{}.Load(t.Context(), config, file.Tensors, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	choice, err := card.ChooseRecipe(config, card.Known{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := tokenizer.New(model, card.Card{Config: config, Facts: card.Facts{Recipe: &choice.Recipe}})
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// images yields the first embedded pictures by their numbers, and one that is not there.
func images(t *testing.T, count int) iter.Seq2[classify.Image, error] {
	t.Helper()
	names, err := fs.Glob(embedded.Files, embedded.Images+"/*/*.png")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return func(yield func(classify.Image, error) bool) {
		for _, name := range append(names[:count:count], "missing.png") {
			if !yield(classify.Image{Name: name, Open: func() (io.ReadCloser, error) { return embedded.Files.Open(name) }}, nil) {
				return
			}
		}
	}
}

// TestTokenizer_EqualsOpenAI compares the tokens of image files with those that OpenAI's classes computed of the pixels that Pillow made of the files.
func TestTokenizer_EqualsOpenAI(t *testing.T) {
	t.Parallel()
	recorded, err := checkpoint.Open(t.Context(), testdata+"digits_dvae.openai.float32.recording.safetensors", checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer recorded.Close()
	at := slices.IndexFunc(recorded.Tensors, func(named tensor.Named) bool { return named.Name == "tokens" })
	want, err := tensor.Float64s(recorded.Tensors[at].View)
	if err != nil || len(want) != 8*16 {
		t.Fatal(len(want), err)
	}
	for _, size := range []int{3, 8} {
		own := digits(t)
		own.BatchSize = size
		var got []float64
		failed := 0
		for output, err := range own.Stream(t.Context(), images(t, 8), classify.StreamOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if output.Failure != nil {
				failed++
			}
			for _, id := range output.Tokens {
				got = append(got, float64(id))
			}
		}
		if !slices.Equal(got, want) || failed != 1 {
			t.Errorf("%d failed; got %v, want %v", failed, got, want)
		}
		own.Strict = true
		for _, err := range own.Stream(t.Context(), images(t, 0), classify.StreamOptions{}) {
			if failure := (*preprocess.FileError)(nil); !errors.As(err, &failure) {
				t.Errorf("strict: %v", err)
			}
		}
	}
}

func TestNew_NoTokenizer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"digits_p16_64", "digits_dvae_decoder"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tokenizer.New(nil, card.Card{Config: config})
		if wrong := (*tokenizer.KindError)(nil); !errors.As(err, &wrong) || !errors.Is(err, errdef.ErrUsage) || wrong.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
