package enginetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
)

// batchIndependence checks that an image's logits do not depend on the rest of the batch.
func (s *suite) batchIndependence(t *testing.T) {
	model, input := s.load(t, base), inputs(base)
	together := forward(t, model, input)
	one := len(together.Values) / images
	for n := range images {
		s.near(t, "alone", forward(t, model, part(base, input, n)).Values, together.Values[n*one:(n+1)*one])
	}
}

// concurrency checks that several Forwards of one model at the same time return what each returns alone.
func (s *suite) concurrency(t *testing.T) {
	model, input := s.load(t, base), inputs(base)
	var want []engine.Activation
	for n := range images {
		want = append(want, forward(t, model, part(base, input, n)))
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			got, err := model.Forward(t.Context(), part(base, input, i%images), func(engine.Activation) error { return nil })
			if err != nil {
				t.Errorf("Forward: %v", err)
			}
			s.nearOr(t, got.Values, want[i%images].Values)
		})
	}
	group.Wait()
}

// nearOr is near for goroutines, which must not call t.Fatal. Its tolerance is wider.
func (s *suite) nearOr(t *testing.T, got, want []float64) {
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= s.tolerance*10) || len(got) != len(want) {
			t.Errorf("value %d is %v, want %v", i, got[i], want[i])
			return
		}
	}
}

// cancel checks that Load and Forward stop when their context ends, a Forward also between two blocks.
func (s *suite) cancel(t *testing.T) {
	model, input := s.load(t, base), inputs(base)
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := model.Forward(ended, input, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: error %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var seen []string
	_, err := model.Forward(ctx, input, func(a engine.Activation) error {
		seen = append(seen, a.Name)
		if a.Name == "blocks.0" {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled after blocks.0: error %v", err)
	}
	if slices.Contains(seen, "blocks.1") {
		t.Errorf("Forward continued after the end of the context: %v", seen)
	}
	if _, err := s.engine.Load(ended, base, weights(base), s.options); !errors.Is(err, context.Canceled) {
		t.Errorf("Load with an ended context: error %v", err)
	}
}

func (s *suite) tapError(t *testing.T) {
	model := s.load(t, base)
	failed := errors.New("enough")
	for _, stage := range []string{"embed", "blocks.1.attn", "blocks.1", "pool", "logits"} {
		last := ""
		_, err := model.Forward(t.Context(), inputs(base), func(a engine.Activation) error {
			last = a.Name
			if a.Name == stage {
				return failed
			}
			return nil
		})
		if !errors.Is(err, failed) || last != stage {
			t.Errorf("tap failing at %s: error %v, last tap %s", stage, err, last)
		}
	}
}

// tapOwns checks that a tap may change its activation without changing the result.
func (s *suite) tapOwns(t *testing.T) {
	model := s.load(t, base)
	want := forward(t, model, inputs(base))
	got, err := model.Forward(t.Context(), inputs(base), func(a engine.Activation) error {
		clear(a.Values)
		clear(a.Shape)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.near(t, "logits", got.Values, want.Values)
}

// noTap checks that results with and without a tap are equal to the last bit: a model is verified with a tap, but used without.
func (s *suite) noTap(t *testing.T) {
	for _, m := range family {
		model := s.load(t, m.config)
		want, err := model.Forward(t.Context(), inputs(m.config), func(engine.Activation) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, forward(t, model, inputs(m.config))); diff != "" {
			t.Errorf("%s: %s", m.name, diff)
		}
	}
}

func (s *suite) inputsKept(t *testing.T) {
	config := family[8].config
	input := inputs(config)
	forward(t, s.load(t, config), input)
	if diff := cmp.Diff(inputs(config), input); diff != "" {
		t.Error(diff)
	}
}

// nan checks that a NaN in one image makes its logits NaN, and only those.
func (s *suite) nan(t *testing.T) {
	model, input := s.load(t, base), inputs(base)
	want := forward(t, model, input)
	one := len(input.Pixels) / images
	input.Pixels[one+5] = float32(math.NaN())
	got := forward(t, model, input)
	classes := base.Classes
	for _, v := range got.Values[classes : 2*classes] {
		if !math.IsNaN(v) {
			t.Errorf("a NaN pixel leads to the logit %v", v)
		}
	}
	s.near(t, "the image before", got.Values[:classes], want.Values[:classes])
	s.near(t, "the image after", got.Values[2*classes:], want.Values[2*classes:])
}

// mask checks that a missing mask is the same as an empty one, and that the pixels of masked patches have no effect.
func (s *suite) mask(t *testing.T) {
	config := with(func(c *arch.Config) { c.Bias, c.Pooling, c.MaskToken = arch.SharedBias, arch.AllTokens, true })
	model, input := s.load(t, config), inputs(config)
	masked := forward(t, model, input)
	open := forward(t, model, engine.Input{Pixels: input.Pixels})
	empty := forward(t, model, engine.Input{Pixels: input.Pixels, Mask: make([]bool, len(input.Mask))})
	s.near(t, "an empty mask", empty.Values, open.Values)
	if cmp.Equal(masked.Values, open.Values) {
		t.Error("the mask has no effect")
	}
	all := slices.Repeat([]bool{true}, len(input.Mask))
	blind := forward(t, model, engine.Input{Pixels: input.Pixels, Mask: all})
	other := forward(t, model, engine.Input{Pixels: make([]float32, len(input.Pixels)), Mask: all})
	s.near(t, "all patches masked", blind.Values, other.Values)
}

func (s *suite) closed(t *testing.T) {
	model, err := s.engine.Load(t.Context(), base, weights(base), s.options)
	if err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	for range 4 {
		group.Go(model.Close)
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("Close, four times at once: %v", err)
	}
	if _, err := model.Forward(t.Context(), inputs(base), nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Forward after Close: error %v", err)
	}
	if err := model.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
