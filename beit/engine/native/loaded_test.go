package native

import (
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/beit/engine/internal/offheap"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// loadOutside loads a small model as large ones are loaded: with its weights outside of Go's heap.
func loadOutside(t *testing.T, config arch.Config, p precision[float32]) (*loaded[float32], *offheap.Arena) {
	t.Helper()
	l, err := newLoader(config, synth.Weights(config, 0), p)
	if err != nil {
		t.Fatal(err)
	}
	l.memory.arena = new(offheap.Arena)
	model, err := l.whole(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	return newLoaded(model, l.memory), l.memory.arena
}

// TestLoaded_OutsideOfTheHeap compares every kind of model with the same one in Go's heap, to the bit.
func TestLoaded_OutsideOfTheHeap(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny_p16_64", "tiny_mim_p16_64", "tiny_vqkd_p16_64", "digits_dvae_encoder", "tiny_seg_p16_32"} {
		for dtype, p := range map[tensor.DType]precision[float32]{tensor.F32: {}, tensor.BF16: {elementary.RoundBF16, gemm.BF16}, tensor.F16: {elementary.RoundF16, gemm.F16}} {
			config, err := arch.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			inside, err := Engine{}.Load(t.Context(), config, synth.Weights(config, 0), engine.Options{DType: dtype})
			if err != nil {
				t.Fatal(err)
			}
			outside, arena := loadOutside(t, config, p)
			input := engine.Input{Pixels: synth.Images(2, config, 0)}
			var results [2]engine.Activation
			for i, model := range []engine.Model{inside, outside} {
				if results[i], err = model.Forward(t.Context(), input, nil); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(results[0].Values, results[1].Values) {
				t.Errorf("%s in %s computes something else outside of the heap", name, dtype)
			}
			if arena.Size() == 0 {
				t.Errorf("%s in %s: nothing is outside of the heap", name, dtype)
			}
			if err := outside.Close(); err != nil || arena.Size() != 0 {
				t.Errorf("%s in %s: after Close, error %v, %d bytes are left", name, dtype, err, arena.Size())
			}
		}
	}
}

// TestLoaded_CloseWaits closes a model during a Forward, whose weights must stay until its end.
func TestLoaded_CloseWaits(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	model, arena := loadOutside(t, config, precision[float32]{})
	closed := make(chan error)
	begun := false
	_, err = model.Forward(t.Context(), engine.Input{Pixels: synth.Image(0, config, 0)}, func(engine.Activation) error {
		if !begun {
			begun = true
			go func() { closed <- model.Close() }()
			time.Sleep(20 * time.Millisecond)
		}
		if arena.Size() == 0 {
			t.Error("the weights are gone during a Forward")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil || arena.Size() != 0 {
		t.Errorf("Close: error %v, %d bytes are left", err, arena.Size())
	}
	if _, err := model.Forward(t.Context(), engine.Input{Pixels: synth.Image(0, config, 0)}, nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("after Close: error %v", err)
	}
}

// TestLoaded_Forgotten loads a model and does not close it.
func TestLoaded_Forgotten(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	_, arena := loadOutside(t, config, precision[float32]{})
	for start := time.Now(); arena.Size() != 0; runtime.GC() {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("%d bytes of a model that nobody has are left", arena.Size())
		}
		time.Sleep(time.Millisecond)
	}
}
