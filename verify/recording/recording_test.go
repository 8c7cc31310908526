package recording_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

const testdata = "../../testdata/"

func TestRead_Golden(t *testing.T) {
	t.Parallel()
	type summary struct {
		Architecture, Origin string
		DType                tensor.DType
		Epsilon              float64
		Images               int
		Pixels, Mask, Labels int
		Probes               *recording.Probes
		Names                string
	}
	for file, want := range map[string]summary{
		"../manifests/embedded/digits_p16_64.passl.float32.recording": {
			"digits_p16_64", "PASSL Beit + BEiTClsHead (5c7359b), float32", tensor.F32, 1e-6, 4, 4 * 3 * 64 * 64, 0, 0, nil, "embed blocks.0 blocks.1 blocks.2 pool logits",
		},
		"tiny/tiny_p16_32.timm.bfloat16.recording": {
			"tiny_p16_32", "timm 1.0.31, bfloat16", tensor.BF16, 1e-6, 2, 2 * 3 * 32 * 32, 0, 0, nil, "embed blocks.0 blocks.1 pool logits",
		},
		"mim/tiny_mim_p16_64.unilm.float64.recording": {
			"tiny_mim_p16_64", "unilm beit (768a3c8), float64", tensor.F64, 1e-6, 2, 2 * 3 * 64 * 64, 32, 0, nil, "embed blocks.0 blocks.1 blocks.2 pool logits",
		},
		"full/beit_large_p16_512.hf.float64.recording": {
			"beit_large_p16_512", "transformers 5.23.0, float64", tensor.F64, 1e-12, 1, 0, 0, 0, &recording.Probes{}, "logits",
		},
		"../manifests/embedded/digits_p16_64.passl.all-images.logits": {
			"digits_p16_64", "PASSL Beit + BEiTClsHead (5c7359b), float32", tensor.F32, 1e-6, 360, 0, 0, 360, nil, "logits",
		},
	} {
		r, err := recording.Read(t.Context(), testdata+file+".safetensors")
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		var names []string
		for _, a := range r.Activations {
			names = append(names, a.Name)
		}
		got := summary{r.Architecture, r.Origin(), r.DType, r.Epsilon, r.Images, len(r.Pixels), len(r.Mask), len(r.Labels), r.Probes, strings.Join(names, " ")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// TestWrite_IsReadBack writes every recording in testdata and compares it with what is read back.
func TestWrite_IsReadBack(t *testing.T) {
	t.Parallel()
	var paths []string
	for _, pattern := range []string{testdata + "*/*.safetensors", testdata + "../manifests/embedded/*.safetensors"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	tried := 0
	for _, path := range paths {
		if !strings.Contains(path, "recording") && !strings.Contains(path, "logits") {
			continue
		}
		tried++
		want, err := recording.Read(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), "copy.safetensors")
		if err := recording.Write(t.Context(), copied, want); err != nil {
			t.Fatal(err)
		}
		got, err := recording.Read(t.Context(), copied)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(slices.Equal[[]float64]), cmp.Comparer(slices.Equal[[]float32])); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if tried < 30 {
		t.Errorf("only %d recordings found", tried)
	}
}

// metadata returns the metadata of the smallest recording, with changes.
func metadata(changes ...string) map[string]string {
	m := map[string]string{"format": recording.Format, "dtype": "float32"}
	for i := 0; i < len(changes); i += 2 {
		m[changes[i]] = changes[i+1]
	}
	return m
}

func named(name string, dtype tensor.DType, shape ...int) tensor.Named {
	elements, _ := tensor.Shape(shape).Elements()
	return tensor.Named{Name: name, View: tensor.View{DType: dtype, Shape: shape, Data: make(tensor.Memory, int(elements)*dtype.Size())}}
}

func TestParse_Errors(t *testing.T) {
	t.Parallel()
	logits := named("logits", tensor.F32, 2, 5)
	two := named("mask", tensor.U8, 2, 4)
	two.Data.(tensor.Memory)[3] = 2
	short := named("pool", tensor.F32, 2, 3)
	short.Data = tensor.Memory{1, 2, 3}
	for _, c := range []struct {
		name     string
		metadata map[string]string
		tensors  []tensor.Named
		kind     error
		says     string
	}{
		{"no metadata", nil, []tensor.Named{logits}, checkpoint.ErrFormat, "beitzoo.recording.v1"},
		{"a later format", metadata("format", "beitzoo.recording.v2"), []tensor.Named{logits}, checkpoint.ErrFormat, "beitzoo.recording.v1"},
		{"unknown dtype", metadata("dtype", "int8"), []tensor.Named{logits}, checkpoint.ErrMalformed, `dtype is "int8"`},
		{"no dtype", metadata("dtype", ""), []tensor.Named{logits}, checkpoint.ErrMalformed, `dtype is ""`},
		{"epsilon in words", metadata("epsilon", "small"), []tensor.Named{logits}, checkpoint.ErrMalformed, `epsilon is "small"`},
		{"negative epsilon", metadata("epsilon", "-1"), []tensor.Named{logits}, checkpoint.ErrMalformed, `epsilon is "-1"`},
		{"epsilon NaN", metadata("epsilon", "nan"), []tensor.Named{logits}, checkpoint.ErrMalformed, `epsilon is "nan"`},
		{"unknown input", metadata("input", "noise"), []tensor.Named{logits}, checkpoint.ErrMalformed, `input "noise"`},
		{"another number of recipe images", metadata("input", "recipe images 0..2"), []tensor.Named{logits}, checkpoint.ErrMalformed, "recipe images 0..2"},
		{"a seed that is none", metadata("input", "recipe images 0..1", "seed", "x"), []tensor.Named{logits}, checkpoint.ErrMalformed, `seed "x"`},
		{"names of other images", metadata("images", `["a.png"]`), []tensor.Named{logits}, checkpoint.ErrMalformed, "names of 2 images"},
		{"names that are no list", metadata("images", "a.png"), []tensor.Named{logits}, checkpoint.ErrMalformed, `"a.png"`},
		{"nothing", metadata(), nil, checkpoint.ErrMalformed, "no images"},
		{"nothing to compare", metadata(), []tensor.Named{named("input", tensor.F32, 2, 3, 4, 4)}, checkpoint.ErrMalformed, "nothing to compare"},
		{"no images", metadata(), []tensor.Named{named("logits", tensor.F32, 0, 5)}, checkpoint.ErrMalformed, "no images"},
		{"a scalar", metadata(), []tensor.Named{logits, named("pool", tensor.F32)}, checkpoint.ErrMalformed, `"pool" has shape []`},
		{"different numbers of images", metadata(), []tensor.Named{logits, named("pool", tensor.F32, 3, 5)}, checkpoint.ErrMalformed, "[3, 5]"},
		{"a misspelt activation", metadata(), []tensor.Named{logits, named("blocks.0.attm", tensor.F32, 2, 5)}, checkpoint.ErrMalformed, "blocks.0.attn"},
		{"a block with a leading zero", metadata(), []tensor.Named{logits, named("blocks.01", tensor.F32, 2, 5)}, checkpoint.ErrMalformed, `"blocks.01"`},
		{"an activation of integers", metadata(), []tensor.Named{named("logits", tensor.I64, 2, 5)}, checkpoint.ErrMalformed, "I64"},
		{"the same twice", metadata(), []tensor.Named{logits, logits}, checkpoint.ErrMalformed, `"logits" occurs twice`},
		{"input of another shape", metadata(), []tensor.Named{logits, named("input", tensor.F32, 2, 4, 12)}, checkpoint.ErrMalformed, "[N, channels, height, width]"},
		{"input in float64", metadata(), []tensor.Named{logits, named("input", tensor.F64, 2, 3, 4, 4)}, checkpoint.ErrMalformed, "F64"},
		{"a mask of 2", metadata(), []tensor.Named{logits, two}, checkpoint.ErrMalformed, "holds 2"},
		{"a mask of floats", metadata(), []tensor.Named{logits, named("mask", tensor.F32, 2, 4)}, checkpoint.ErrMalformed, "integers"},
		{"labels of floats", metadata(), []tensor.Named{logits, named("labels", tensor.F32, 2)}, checkpoint.ErrMalformed, "integers"},
		{"bytes missing", metadata(), []tensor.Named{logits, short}, checkpoint.ErrMalformed, "3 bytes"},
	} {
		_, err := recording.Parse(c.tensors, c.metadata)
		var problem *recording.Error
		if !errors.As(err, &problem) || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || problem.Hint() == "" {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

// TestParse_OtherTasks makes sure that recordings of models that are not run are called what they are, whatever tensors they have.
func TestParse_OtherTasks(t *testing.T) {
	t.Parallel()
	for _, task := range []string{"depth estimation"} {
		_, err := recording.Parse([]tensor.Named{named("codes", tensor.F32, 2, 4, 4)}, metadata("task", task))
		var other *recording.TaskError
		if !errors.As(err, &other) || other.Task != task || !errors.Is(err, errdef.ErrInput) || other.Hint() == "" || !strings.Contains(err.Error(), task) {
			t.Errorf("%s: %v", task, err)
		}
	}
	if _, err := recording.Parse([]tensor.Named{named("logits", tensor.F32, 2, 4, 4)}, metadata("task", "masked image modelling")); err != nil {
		t.Error(err)
	}
}

// TestParse_Tokenizer reads visual tokens, and refuses what are none.
func TestParse_Tokenizer(t *testing.T) {
	t.Parallel()
	task := metadata("task", recording.Tokenizer)
	whole := func(dtype tensor.DType, values []byte, shape ...int) tensor.Named {
		return tensor.Named{Name: "tokens", View: tensor.View{DType: dtype, Shape: shape, Data: tensor.Memory(values)}}
	}
	read, err := recording.Parse([]tensor.Named{whole(tensor.U8, []byte{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2), named("logits", tensor.F32, 2, 9, 2, 2)}, task)
	if err != nil {
		t.Fatal(err)
	}
	tokens, found := read.Activation("tokens")
	if !found || !tokens.Shape.Equal(tensor.Shape{2, 4}) || !slices.Equal(tokens.Values, []float64{1, 2, 3, 4, 5, 6, 7, 8}) || read.Task != recording.Tokenizer {
		t.Errorf("%+v", read)
	}
	for _, bad := range []tensor.Named{whole(tensor.I8, []byte{0, 0xff}, 2, 1), whole(tensor.I8, []byte{0, 1}, 2), named("tokens", tensor.F32, 2, 4), named("codes", tensor.F32, 2, 1, 1, 1, 1)} {
		if _, err := recording.Parse([]tensor.Named{bad}, task); !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%s %s %s: %v", bad.Name, bad.DType, bad.Shape, err)
		}
	}
}

// TestParse_ReportsEverything makes sure that all problems are reported at once.
func TestParse_ReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := recording.Parse([]tensor.Named{named("logits", tensor.F32, 2, 5), named("pol", tensor.F32, 2, 5)}, metadata("dtype", "f", "epsilon", "e"))
	var problem *recording.Error
	if !errors.As(err, &problem) || len(problem.Problems) != 3 {
		t.Errorf("error %v", err)
	}
}

func TestRead_ErrorNamesFile(t *testing.T) {
	t.Parallel()
	path := testdata + "digits/digits_p16_64.timm.safetensors"
	_, err := recording.Read(t.Context(), path)
	if !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), path) {
		t.Errorf("weights read as a recording: %v", err)
	}
	if _, err := recording.Read(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
