package segment_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/tensor"
)

// recorded has the tensors of a file that testdata/make.py wrote.
type recorded map[string][]byte

func read(t *testing.T, name string) recorded {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]struct {
		Offsets [2]int `json:"data_offsets"`
	}{}
	size := binary.LittleEndian.Uint64(raw)
	if err := json.Unmarshal(raw[8:8+size], &header); err != nil {
		t.Fatal(err)
	}
	r := recorded{}
	for name, h := range header {
		r[name] = raw[8+size:][h.Offsets[0]:h.Offsets[1]]
	}
	return r
}

func (r recorded) floats(name string) []float32 {
	values := make([]float32, len(r[name])/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(r[name][4*i:]))
	}
	return values
}

// played stands for a model: it has the recorded logits, window by window, and compares what it is given with the recorded windows.
type played struct {
	t               *testing.T
	windows, logits []float32
	config          arch.Config
	count           int
}

func (p *played) Close() error { return nil }

func (p *played) Forward(_ context.Context, input engine.Input, _ engine.Tap) (engine.Activation, error) {
	one, answer := len(input.Pixels), p.config.Classes*8*8
	var worst float64
	for i, v := range p.windows[p.count*one:][:one] {
		worst = max(worst, math.Abs(float64(v-input.Pixels[i])))
	}
	if worst > 0 {
		p.t.Errorf("window %d is off by up to %g", p.count, worst)
	}
	a := engine.Activation{Name: "logits", Shape: tensor.Shape{1, p.config.Classes, 8, 8}}
	for _, v := range p.logits[p.count*answer:][:answer] {
		a.Values = append(a.Values, float64(v))
	}
	p.count++
	return a, nil
}

func small(t *testing.T) arch.Config {
	t.Helper()
	c, err := arch.ByName("tiny_seg_p16_48")
	if err != nil {
		t.Fatal(err)
	}
	c.Name, c.ImageHeight, c.ImageWidth = "", 32, 32
	return c
}

// TestSegmenter compares with OpenMMLab's own code: the windows to the bit, and the class of each pixel, with one scale and with three that are mirrored too.
func TestSegmenter(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]segment.Options{
		"slide.safetensors": {Threads: 3}, "several.safetensors": {Scales: []float64{0.5, 1.25, 1.75}, Flip: true, Threads: 2},
	} {
		r := read(t, name)
		config := small(t)
		recipe, known := segment.RecipeFor(config)
		if known || recipe.Stride != 21 || recipe.Long != 128 {
			t.Fatalf("recipe %+v, %t", recipe, known)
		}
		model := &played{t: t, windows: r.floats("windows"), logits: r.floats("logits"), config: config}
		s, err := segment.New(model, config, recipe, o)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Picture(t.Context(), &preprocess.RGB8{Width: 75, Height: 50, Pix: r["picture"]})
		if err != nil {
			t.Fatal(err)
		}
		if model.count != m.Windows || len(model.windows) != m.Windows*3*32*32 || m.Padded {
			t.Errorf("%s: %d windows of %d, padded %t", name, m.Windows, len(model.windows)/(3*32*32), m.Padded)
		}
		other := 0
		for i, class := range m.Classes {
			if uint64(class) != binary.LittleEndian.Uint64(r["classes"][8*i:]) {
				other++
			}
		}
		if other > 0 {
			t.Errorf("%s: %d of %d pixels have another class", name, other, len(m.Classes))
		}
	}
}

// TestSegmenter_Small: a picture whose resized edge is shorter than a window is filled up, and that is said.
func TestSegmenter_Small(t *testing.T) {
	t.Parallel()
	config := small(t)
	recipe, _ := segment.RecipeFor(config)
	s, err := segment.New(&constant{config}, config, recipe, segment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Picture(t.Context(), preprocess.NewRGB8(100, 5))
	if err != nil || !m.Padded || len(m.Classes) != 500 {
		t.Errorf("%+v, %v", m, err)
	}
	for _, class := range m.Classes {
		if class != 2 {
			t.Fatalf("class %d", class)
		}
	}
	if areas := m.Areas(config.Classes); areas[2] != 500 {
		t.Errorf("areas %v", areas)
	}
}

// constant is a model that always says class 2, or nothing finite.
type constant struct{ config arch.Config }

func (c *constant) Close() error { return nil }

func (c *constant) Forward(_ context.Context, input engine.Input, _ engine.Tap) (engine.Activation, error) {
	a := engine.Activation{Shape: tensor.Shape{1, c.config.Classes, 8, 8}, Values: make([]float64, c.config.Classes*64)}
	for i := range 64 {
		a.Values[2*64+i] = 1
	}
	return a, nil
}

// TestNew_Refuses has what cannot segment.
func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	config := small(t)
	recipe, _ := segment.RecipeFor(config)
	whole, err := segment.RecipeByName("hf-ade640")
	if err != nil {
		t.Fatal(err)
	}
	big := config
	big.ImageHeight, big.ImageWidth = 640, 640
	other, err := segment.RecipeByName("unilm-ade512")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config arch.Config
		recipe segment.Recipe
		o      segment.Options
	}{
		"no head":        {config.Backbone(), recipe, segment.Options{}},
		"other windows":  {big, other, segment.Options{}},
		"other whole":    {config, whole, segment.Options{}},
		"whole, scales":  {big, whole, segment.Options{Scales: []float64{1}}},
		"negative scale": {config, recipe, segment.Options{Scales: []float64{-1}}},
		"NaN":            {config, recipe, segment.Options{Scales: []float64{math.NaN()}}},
	} {
		_, err := segment.New(nil, c.config, c.recipe, c.o)
		if problem := (*segment.ModelError)(nil); !errors.As(err, &problem) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := segment.RecipeByName("unilm-ade64"); !errors.As(err, new(*segment.UnknownRecipeError)) {
		t.Error(err)
	}
}
