package attention_test

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/beit/attention"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// recorded are models, and what transformers computed of their attention: see testdata/attention/make.py.
var recorded = []struct{ name, model string }{
	{"digits", "digits/hf"},
	{"hf_model", "family/hf_model"},
	{"hf_both_biases", "family/hf_both_biases"},
}

// read returns the tensors of a file in testdata/attention.
func read(t *testing.T, name string) map[string]engine.Activation {
	t.Helper()
	file, err := checkpoint.Open(t.Context(), "../../testdata/attention/"+name+".safetensors", checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := make(map[string]engine.Activation)
	for _, named := range file.Tensors {
		raw, err := named.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		values := make([]float64, len(raw)/named.DType.Size())
		if err := tensor.Decode(values, named.DType, raw); err != nil {
			t.Fatal(err)
		}
		all[named.Name] = engine.Activation{Shape: named.Shape, Values: values}
	}
	return all
}

// within fails the test if values differ by more than rounding: transformers computes in float64, but its softmax in float32.
func within(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if !(math.Abs(v-want[i]) < 1e-7) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, v, want[i])
		}
	}
}

// forward runs one recorded image and returns the activations for a viewer.
func forward(t *testing.T, opened *convert.Model, viewer *attention.Viewer, pixels []float64) attention.Activations {
	t.Helper()
	model, err := native.Engine{}.Load(t.Context(), opened.Config, opened.Tensors, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	narrow := make([]float32, len(pixels))
	for i, v := range pixels {
		narrow[i] = float32(v)
	}
	seen := make(attention.Activations)
	if _, err := model.Forward(t.Context(), engine.Input{Pixels: narrow}, viewer.Tap(seen)); err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestMaps_EqualTransformers compares every kind of map with what transformers computed.
func TestMaps_EqualTransformers(t *testing.T) {
	t.Parallel()
	for _, r := range recorded {
		want := read(t, r.name)
		opened, err := convert.Open(t.Context(), "../../testdata/"+r.model, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		last := want[fmt.Sprintf("blocks.%d", opened.Config.Depth-1)]
		images, heads, tokens := last.Shape[0], last.Shape[1], last.Shape[2]
		for _, options := range []attention.Options{
			{View: attention.ClassToken, EachHead: true},
			{View: attention.Patches},
			{View: attention.ClassToken},
			{Kind: attention.Rollout, View: attention.ClassToken},
			{Kind: attention.Rollout, View: attention.Patches},
		} {
			viewer, err := attention.New(opened.Config, opened.Tensors, options)
			if err != nil {
				t.Fatal(err)
			}
			for n := range images {
				one := len(want["input"].Values) / images
				maps, err := viewer.Maps(t.Context(), forward(t, opened, viewer, want["input"].Values[n*one:(n+1)*one]))
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range maps {
					what := fmt.Sprintf("%s, image %d, %+v, head %d", r.name, n, options, m.Head)
					row := wantedRow(last, want["rollout"], options, n, m.Head, heads, tokens)
					within(t, what, append([]float64{m.ClassShare}, m.Values...), row)
				}
			}
		}
	}
}

// wantedRow computes a row of a map from the recording, slowly.
func wantedRow(last, rollout engine.Activation, options attention.Options, n, head, heads, tokens int) []float64 {
	row := make([]float64, tokens)
	at := func(h, i, j int) float64 { return last.Values[((n*heads+h)*tokens+i)*tokens+j] }
	value := func(i, j int) float64 {
		switch {
		case options.Kind == attention.Rollout:
			return rollout.Values[(n*tokens+i)*tokens+j]
		case head >= 0:
			return at(head, i, j)
		}
		sum := 0.0
		for h := range heads {
			sum += at(h, i, j)
		}
		return sum / float64(heads)
	}
	for j := range tokens {
		if options.View == attention.ClassToken {
			row[j] = value(0, j)
			continue
		}
		for i := 1; i < tokens; i++ {
			row[j] += value(i, j) / float64(tokens-1)
		}
	}
	return row
}

func TestMaps_SumToOne(t *testing.T) {
	t.Parallel()
	opened, err := convert.Open(t.Context(), "../../testdata/digits/hf", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	pixels := read(t, "digits")["input"].Values
	for _, kind := range []attention.Kind{attention.Last, attention.Rollout} {
		viewer, err := attention.New(opened.Config, opened.Tensors, attention.Options{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		if got := viewer.Options().View; got != attention.Patches {
			t.Errorf("view of a model that averages its patches: %q", got)
		}
		maps, err := viewer.Maps(t.Context(), forward(t, opened, viewer, pixels[:len(pixels)/2]))
		if err != nil || len(maps) != 1 {
			t.Fatalf("%d maps, %v", len(maps), err)
		}
		sum := maps[0].ClassShare
		for _, v := range maps[0].Values {
			sum += v
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("%s: the shares sum to %g", kind, sum)
		}
		both := forward(t, opened, viewer, pixels)
		if _, err := viewer.Maps(t.Context(), both); !errors.Is(err, attention.ErrImages) {
			t.Errorf("two images: %v", err)
		}
		if _, err := viewer.Maps(t.Context(), nil); !errors.Is(err, errdef.ErrInput) {
			t.Errorf("no activations: %v", err)
		}
	}
}

func TestNew_RefusesUnknownOptions(t *testing.T) {
	t.Parallel()
	opened, err := convert.Open(t.Context(), "../../testdata/digits/hf", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	for _, options := range []attention.Options{{Kind: "lst"}, {View: "token"}, {Kind: attention.Rollout, EachHead: true}} {
		_, err := attention.New(opened.Config, opened.Tensors, options)
		if bad := (*attention.OptionError)(nil); !errors.As(err, &bad) || bad.Hint() == "" || !errors.Is(err, errdef.ErrUsage) {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

func TestDraw(t *testing.T) {
	t.Parallel()
	picture := preprocess.NewRGB8(4, 4)
	m := attention.Map{Height: 2, Width: 2, Values: []float64{0, 0.1, 0.2, 0.4}}
	drawn := attention.Draw(picture, []attention.Map{m, m, m})
	if size := drawn.Bounds().Size(); size.X != 2*448+8 || size.Y != 2*448+8 {
		t.Errorf("three panels take %v", size)
	}
	// A black picture with three fifths of the largest value's colour, 253 231 37, in the patch at the bottom right, and of the least, 68 1 84, at the top left.
	for _, c := range []struct {
		x, y int
		want color.RGBA
	}{{447, 447, color.RGBA{152, 139, 22, 255}}, {0, 0, color.RGBA{41, 1, 50, 255}}, {460, 4, color.RGBA{41, 1, 50, 255}}, {450, 0, color.RGBA{255, 255, 255, 255}}, {460, 460, color.RGBA{255, 255, 255, 255}}} {
		if got := drawn.RGBAAt(c.x, c.y); got != c.want {
			t.Errorf("pixel %d, %d is %v, want %v", c.x, c.y, got, c.want)
		}
	}
}
