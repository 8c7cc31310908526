//go:build libtorch

package torch

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

func TestLoad_Errors(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	weights := synth.Weights(config, 0)
	isDevice := func(err error) bool {
		var e *engine.DeviceError
		return errors.As(err, &e) && errors.Is(err, engine.ErrUnavailable) && e.Engine == "torch" && e.Reason != ""
	}
	isUnavailable := func(err error) bool { return errors.Is(err, engine.ErrUnavailable) }
	isParameters := func(err error) bool { var e *engine.ParametersError; return errors.As(err, &e) }
	for _, c := range []struct {
		name    string
		weights []tensor.Named
		options engine.Options
		is      func(error) bool
	}{
		{"a device of another kind", weights, engine.Options{Device: "tpu"}, isDevice},
		{"a device without number", weights, engine.Options{Device: "cuda:"}, isDevice},
		{"a negative device", weights, engine.Options{Device: "cuda:-1"}, isDevice},
		{"a device beyond the last", weights, engine.Options{Device: "cuda:4096"}, isDevice},
		{"an integer dtype", weights, engine.Options{DType: tensor.I32}, isUnavailable},
		{"a parameter missing", weights[1:], engine.Options{}, isParameters},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			model, err := Engine{}.Load(context.Background(), config, c.weights, c.options)
			if err == nil {
				model.Close()
			}
			if !c.is(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// broken is Data that cannot be read.
type broken struct{ tensor.Memory }

var errBroken = errors.New("broken")

func (broken) Bytes() ([]byte, error) { return nil, errBroken }

func TestLoad_FailureLeavesNothing(t *testing.T) {
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	weights := synth.Weights(config, 0)
	for i := range weights {
		if weights[i].Name == "blocks.1.mlp.fc2.weight" {
			weights[i].Data = broken{}
		}
	}
	before := live.Load()
	if _, err := (Engine{}).Load(context.Background(), config, weights, engine.Options{}); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "blocks.1.mlp.fc2.weight") {
		t.Errorf("got %v", err)
	}
	if left := live.Load() - before; left != 0 {
		t.Errorf("%d tensors are left", left)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	loaded, input := tiny(t, engine.Options{})
	defer loaded.Close()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := loaded.Forward(ctx, input, func(a engine.Activation) error {
		if a.Name == "blocks.0" {
			cancel()
		}
		if a.Name == "blocks.1" {
			t.Error("the block after the interruption was computed")
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Forward: %v", err)
	}
	config := loaded.(*model).config
	if _, err := (Engine{}).Load(ctx, config, synth.Weights(config, 0), engine.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Load: %v", err)
	}
}

// lateContext ends when it has been looked at that many times.
type lateContext struct {
	context.Context
	looks int
}

func (c *lateContext) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

// Forward stops before each block and, where weights are packed for one image, before each image, in one call for a block and in several.
func TestForward_StopsBeforeEachImage(t *testing.T) {
	t.Parallel()
	const images = 3
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Engine{}.Load(t.Context(), config, synth.Weights(config, 0), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	least := config.Depth
	if loaded.(*model).network.(*transformer).alone {
		least *= images
	}
	for name, tap := range map[string]engine.Tap{"no tap": nil, "tap": func(engine.Activation) error { return nil }} {
		looks := 0
		for {
			_, err := loaded.Forward(&lateContext{t.Context(), looks}, engine.Input{Pixels: synth.Images(images, config, 0)}, tap)
			if err == nil {
				break
			}
			if looks++; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if looks < least {
			t.Errorf("%s: it looked %d times whether the context has ended, not %d times", name, looks, least)
		}
	}
}

func TestForward_Errors(t *testing.T) {
	t.Parallel()
	model, input := tiny(t, engine.Options{})
	var wrong *engine.InputError
	if _, err := model.Forward(context.Background(), engine.Input{Pixels: input.Pixels[1:]}, nil); !errors.As(err, &wrong) {
		t.Errorf("too few pixels: %v", err)
	}
	for range 2 {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := model.Forward(context.Background(), input, nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestOperatorError_NamesOperator(t *testing.T) {
	t.Parallel()
	thread := newThread(1)
	defer thread.close()
	err := thread.compute(t.Context(), func(s *scope) {
		s.matmul(s.floats(make([]float32, 6), 2, 3), s.floats(make([]float32, 6), 2, 3))
	})
	var thrown *OperatorError
	if !errors.As(err, &thrown) {
		t.Fatalf("got %v", err)
	}
	if thrown.Operator != "matmul" || !strings.Contains(thrown.Message, "2x3") || strings.Contains(thrown.Message, "frame #") {
		t.Errorf("got %q of %q", thrown.Message, thrown.Operator)
	}
}

// TestForward_TapDoesNotChangeResult compares results with and without a tap, because without one the last block is computed in another way.
func TestForward_TapDoesNotChangeResult(t *testing.T) {
	t.Parallel()
	model, input := tiny(t, engine.Options{DType: tensor.F64})
	defer model.Close()
	want, err := model.Forward(context.Background(), input, func(engine.Activation) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.Forward(context.Background(), input, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-13)); diff != "" {
		t.Error(diff)
	}
}

// TestThreads makes sure that each model keeps its number of threads when other models are loaded and run.
func TestThreads(t *testing.T) {
	three, _ := tiny(t, engine.Options{Threads: 3})
	defer three.Close()
	one, input := tiny(t, engine.Options{Threads: 1})
	defer one.Close()
	if _, err := one.Forward(context.Background(), input, nil); err != nil {
		t.Fatal(err)
	}
	for want, m := range map[int]engine.Model{3: three, 1: one} {
		got := 0
		if err := m.(*model).thread.do(t.Context(), func() error { got = usedThreads(); return nil }); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%d threads are used instead of %d", got, want)
		}
	}
}
