package enginetest

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// outcome returns the result of a Forward, but for a tokenizer what its tokens are chosen by: rounding, which may depend on the batch, may change them.
func outcome(ctx context.Context, model engine.Model, config arch.Config, input engine.Input) ([]float64, error) {
	decisive := map[arch.Kind]string{arch.DVAEEncoder: "logits", arch.VQKD: "codes"}[config.Kind]
	var values []float64
	last, err := model.Forward(ctx, input, func(a engine.Activation) error {
		if a.Name == decisive {
			values = a.Values
		}
		return nil
	})
	if decisive == "" {
		values = last.Values
	}
	return values, err
}

// batchIndependence checks that an image's result does not depend on the rest of the batch.
func (s *suite) batchIndependence(t *testing.T, config arch.Config) {
	model, input := s.load(t, config), inputs(config)
	together, err := outcome(t.Context(), model, config, input)
	if err != nil {
		t.Fatal(err)
	}
	one := len(together) / images
	for n := range images {
		alone, err := outcome(t.Context(), model, config, part(config, input, n))
		if err != nil {
			t.Fatal(err)
		}
		s.near(t, "alone", alone, together[n*one:(n+1)*one])
	}
}

// concurrency checks that several Forwards of one model at the same time return what each returns alone.
func (s *suite) concurrency(t *testing.T, config arch.Config) {
	model, input := s.load(t, config), inputs(config)
	var want [][]float64
	for n := range images {
		alone, err := outcome(t.Context(), model, config, part(config, input, n))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, alone)
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			got, err := outcome(t.Context(), model, config, part(config, input, i%images))
			if err != nil {
				t.Errorf("Forward: %v", err)
			}
			s.nearOr(t, got, want[i%images])
		})
	}
	group.Wait()
}

// nearOr is near for goroutines, which must not call t.Fatal. Its tolerance is wider.
func (s *suite) nearOr(t *testing.T, got, want []float64) {
	largest := 1.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i := range got {
		if len(got) != len(want) || !(math.Abs(got[i]-want[i]) <= s.tolerance*largest*10) {
			t.Errorf("value %d is %v, want %v", i, got[i], want[i])
			return
		}
	}
}

// cancel checks that Load and Forward stop when their context ends, a Forward also between two blocks.
func (s *suite) cancel(t *testing.T, config arch.Config) {
	model, input := s.load(t, config), inputs(config)
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
	if _, err := s.engine.Load(ended, config, weights(config), s.options); !errors.Is(err, context.Canceled) {
		t.Errorf("Load with an ended context: error %v", err)
	}
}

// cancelBeside checks that a Forward whose context ends returns although another that began before it does not.
func (s *suite) cancelBeside(t *testing.T, config arch.Config) {
	model, input := s.load(t, config), inputs(config)
	begun, goOn, first := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		once := sync.OnceFunc(func() { close(begun); <-goOn })
		_, err := model.Forward(t.Context(), input, func(engine.Activation) error { once(); return nil })
		first <- err
	}()
	<-begun
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	second := make(chan error)
	go func() {
		_, err := model.Forward(ctx, input, nil)
		second <- err
	}()
	var err error
	select {
	case err = <-second: // an engine that computes both at once may have ended before the context
		close(goOn)
	case <-time.After(20 * time.Second):
		t.Error("Forward waits for another, although its context has ended")
		close(goOn)
		err = <-second
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// tapLeaves checks that a tap may panic or end its goroutine as any function that the caller calls, and that the model is of use afterwards.
func (s *suite) tapLeaves(t *testing.T, config arch.Config) {
	model, input := s.load(t, config), inputs(config)
	for name, leave := range map[string]func(){"panic": func() { panic("enough") }, "Goexit": runtime.Goexit} {
		var recovered any
		done, returned := make(chan struct{}), false
		go func() {
			defer close(done)
			defer func() { recovered = recover() }()
			_, err := model.Forward(t.Context(), input, func(engine.Activation) error { leave(); return nil })
			returned = true
			t.Errorf("%s: Forward returns %v", name, err)
		}()
		<-done
		if want := map[string]any{"panic": "enough"}[name]; recovered != want || returned {
			t.Errorf("%s: recovered %v", name, recovered)
		}
		forward(t, model, input)
	}
}

// tapError checks that Forward stops at each stage whose tap fails.
func (s *suite) tapError(t *testing.T, config arch.Config) {
	model := s.load(t, config)
	failed := errors.New("enough")
	for _, stage := range taps(config, images) {
		last := ""
		_, err := model.Forward(t.Context(), inputs(config), func(a engine.Activation) error {
			last = a.Name
			if a.Name == stage.Name {
				return failed
			}
			return nil
		})
		if !errors.Is(err, failed) || last != stage.Name {
			t.Errorf("tap failing at %s: error %v, last tap %s", stage.Name, err, last)
		}
	}
}

// tapOwns checks that a tap may change its activation without changing the result.
func (s *suite) tapOwns(t *testing.T, config arch.Config) {
	model := s.load(t, config)
	want := forward(t, model, inputs(config))
	got, err := model.Forward(t.Context(), inputs(config), func(a engine.Activation) error {
		clear(a.Values)
		clear(a.Shape)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// noTap checks that results with and without a tap are equal to the last bit: a model is verified with a tap, but used without.
func (s *suite) noTap(t *testing.T) {
	for _, m := range slices.Concat(family, tokenizers, segmenters) {
		if s.lacks(m.config) {
			continue
		}
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

// inputsKept checks that pixels, masks and tokens are not changed.
func (s *suite) inputsKept(t *testing.T, config arch.Config) {
	input := inputs(config)
	forward(t, s.load(t, config), input)
	if diff := cmp.Diff(inputs(config), input); diff != "" {
		t.Error(diff)
	}
}

// nan checks that a NaN in one image makes its logits, or codes, NaN, and only those. The decoder of a dVAE takes none.
func (s *suite) nan(t *testing.T, config arch.Config) {
	if config.Kind == arch.DVAEDecoder {
		return
	}
	model, input := s.load(t, config), inputs(config)
	want, err := outcome(t.Context(), model, config, input)
	if err != nil {
		t.Fatal(err)
	}
	input.Pixels[len(input.Pixels)/images+5] = float32(math.NaN())
	got, err := outcome(t.Context(), model, config, input)
	if err != nil {
		t.Fatal(err)
	}
	one := len(got) / images
	if own := got[one : 2*one]; !slices.ContainsFunc(own, math.IsNaN) || config.Kind != arch.DVAEEncoder && slices.ContainsFunc(own, func(v float64) bool { return !math.IsNaN(v) }) {
		t.Errorf("a NaN pixel leads to %v", own[:min(one, 10)])
	}
	s.near(t, "the image before", got[:one], want[:one])
	s.near(t, "the image after", got[2*one:], want[2*one:])
	if config.Tokenizes() {
		s.nanToken(t, model, config, input)
	}
}

// nanToken checks that a tokenizer finds no token where it computed a NaN, and decodes none.
func (s *suite) nanToken(t *testing.T, model engine.Model, config arch.Config, input engine.Input) {
	tokens, last := forward(t, model, input).Values, engine.Activation{}
	for i, token := range tokens {
		if n := i / config.Patches(); math.IsNaN(token) != (n == 1) && (config.Kind == arch.VQKD || n != 1) {
			t.Errorf("image %d has the token %v", n, token)
		}
	}
	if !slices.ContainsFunc(tokens, math.IsNaN) {
		t.Errorf("a NaN pixel leads to the tokens %v", tokens)
	}
	if _, err := model.Forward(t.Context(), input, func(a engine.Activation) error { last = a; return nil }); err != nil {
		t.Error(err)
	}
	if one := len(last.Values) / images; config.Kind == arch.VQKD && !slices.ContainsFunc(last.Values[one:2*one], math.IsNaN) {
		t.Errorf("a NaN pixel leads to the target %v", last.Values[one:min(2*one, one+10)])
	}
}

// infiniteLogit checks that the encoder of a dVAE chooses no token by logits of which one is infinite.
func (s *suite) infiniteLogit(t *testing.T, config arch.Config) {
	if config.Kind != arch.DVAEEncoder {
		return
	}
	for _, value := range []float64{math.Inf(1), math.Inf(-1)} {
		weights := synth.Weights(config, 0)
		at := slices.IndexFunc(weights, func(w tensor.Named) bool { return w.Name == "blocks.output.conv.b" })
		bias := make(tensor.Memory, 4*config.Classes)
		binary.LittleEndian.PutUint32(bias[4:], math.Float32bits(float32(value)))
		weights[at].View = tensor.View{DType: tensor.F32, Shape: weights[at].Shape, Data: bias}
		model, err := s.engine.Load(t.Context(), config, weights, s.options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { model.Close() })
		if tokens := forward(t, model, inputs(config)).Values; slices.ContainsFunc(tokens, func(v float64) bool { return !math.IsNaN(v) }) {
			t.Errorf("a logit that is %g leads to the tokens %v", value, tokens)
		}
	}
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

func (s *suite) closed(t *testing.T, config arch.Config) {
	model, err := s.engine.Load(t.Context(), config, weights(config), s.options)
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
	if _, err := model.Forward(t.Context(), inputs(config), nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Forward after Close: error %v", err)
	}
	if err := model.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
