package preprocess_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

const digits = "../../manifests/embedded"

// TestFiles_DigitsMatchRecordings makes sure that the first four images become, to the last bit, the input that
// each framework was recorded with.
func TestFiles_DigitsMatchRecordings(t *testing.T) {
	t.Parallel()
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	got, err := preprocess.FS(context.Background(), recipe, os.DirFS(digits), digitNames(t)[:4])
	if err != nil {
		t.Fatal(err)
	}
	var recordings []string
	for _, folder := range []string{digits, "../../testdata/digits"} {
		found, err := filepath.Glob(filepath.Join(folder, "*.float32.recording.safetensors"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no recordings in %s: %v", folder, err)
		}
		recordings = append(recordings, found...)
	}
	for _, recording := range recordings {
		want := recordedInput(t, recording)
		if len(want) != len(got) {
			t.Fatalf("%s: %d values, want %d", recording, len(got), len(want))
		}
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%s: value %d is %v, want %v", recording, i, got[i], want[i])
			}
		}
	}
}

// TestFiles_DigitsMatchTokenizer does the same for the input of the digits' tokenizer: eight images, resized by Pillow's Lanczos and mapped by OpenAI's code.
func TestFiles_DigitsMatchTokenizer(t *testing.T) {
	t.Parallel()
	recipe, err := card.RecipeFor("dvae", 32)
	if err != nil {
		t.Fatal(err)
	}
	got, err := preprocess.FS(context.Background(), recipe, os.DirFS(digits), digitNames(t)[:8])
	if err != nil {
		t.Fatal(err)
	}
	want := recordedInput(t, "../../testdata/tokenizer/digits_dvae.openai.float32.recording.safetensors")
	if len(want) != len(got) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// digitNames returns the paths of the 360 test images in the order of their numbers.
func digitNames(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(os.DirFS(digits), "images/*/*.png")
	if err != nil || len(names) != 360 {
		t.Fatalf("%d images, %v", len(names), err)
	}
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSuffix(path.Base(name), ".png"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return names
}

// recordedInput returns the tensor "input" of a recording.
func recordedInput(t *testing.T, file string) []float32 {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(data)
	var header map[string]struct {
		Dtype   string
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(data[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	input := header["input"]
	if input.Dtype != "F32" {
		t.Fatalf("%s: input is %q", file, input.Dtype)
	}
	values := make([]float32, (input.Offsets[1]-input.Offsets[0])/4)
	if _, err := binary.Decode(data[8+n:][input.Offsets[0]:input.Offsets[1]], binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestFiles_ReportsEveryFailure(t *testing.T) {
	t.Parallel()
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(digits, digitNames(t)[0])
	text := filepath.Join(t.TempDir(), "notes.png")
	if err := os.WriteFile(text, []byte("not an image"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing.png")
	batch, err := preprocess.Files(context.Background(), recipe, []string{good, text, missing, good})
	if batch != nil {
		t.Error("there is a batch")
	}
	if !errors.Is(err, preprocess.ErrFormat) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	if n := strings.Count(err.Error(), missing); n != 1 {
		t.Errorf("the missing file is named %d times: %v", n, err)
	}
	var failure *preprocess.FileError
	if !errors.As(err, &failure) || failure.Path != text {
		t.Errorf("first failure is %v", failure)
	}
}

func TestFiles_StopsWhenCancelled(t *testing.T) {
	t.Parallel()
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := preprocess.Files(ctx, recipe, []string{"missing"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
}
