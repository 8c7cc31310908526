//go:build libtorch

package torch

import (
	"context"
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// tiny loads a small model with seeded weights and returns it with a batch of one image.
func tiny(t testing.TB, options engine.Options) (engine.Model, engine.Input) {
	t.Helper()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	model, err := Engine{}.Load(context.Background(), config, synth.Weights(config, 0), options)
	if err != nil {
		t.Fatal(err)
	}
	return model, engine.Input{Pixels: synth.Images(1, config, 0)}
}

// resident returns the resident memory of this process in bytes.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// flat fails the test if repeating f leaves tensors behind or makes the process grow. Allocators and Go's runtime take and return megabytes at any time,
// more on a busy machine. So flat runs f in phases and compares their lowest memory, until one phase is not above the one before: a leak would raise every
// phase.
func flat(t *testing.T, times int, f func()) {
	t.Helper()
	const phases, allowed = 11, 512 << 10
	f() // what a model makes once and keeps
	tensors, lows, grown := live.Load(), []int{lowest(t, times, f)}, math.MaxInt
	for grown > allowed && len(lows) < phases {
		lows = append(lows, lowest(t, times, f))
		grown = lows[len(lows)-1] - lows[len(lows)-2]
	}
	if left := live.Load() - tensors; left != 0 {
		t.Errorf("%d tensors are left of %d runs", left, len(lows)*times)
	}
	if grown > allowed {
		t.Errorf("memory grew from each %d runs to the next, in bytes: %d", times, lows)
	}
}

// lowest runs f that many times and returns the lowest resident memory after a run, in bytes.
func lowest(t *testing.T, times int, f func()) int {
	t.Helper()
	low := math.MaxInt
	for range times {
		f()
		low = min(low, resident(t))
	}
	return low
}

func TestForward_LeavesNothing(t *testing.T) {
	model, input := tiny(t, engine.Options{Threads: 1})
	defer model.Close()
	tap := func(engine.Activation) error { return nil }
	flat(t, 500, func() {
		if _, err := model.Forward(context.Background(), input, tap); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLoad_CloseLeavesNothing(t *testing.T) {
	flat(t, 50, func() {
		model, input := tiny(t, engine.Options{Threads: 2})
		if _, err := model.Forward(context.Background(), input, nil); err != nil {
			t.Fatal(err)
		}
		if err := model.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLoad_CloseFreesPrograms loads models whose blocks are different programs.
func TestLoad_CloseFreesPrograms(t *testing.T) {
	before, runs := len(listed.programs), 0
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	input := engine.Input{Pixels: synth.Images(1, config, 0)}
	flat(t, 50, func() {
		runs++
		config.Epsilon = 1e-6 * (1 + float64(runs)/1e6)
		model, err := Engine{}.Load(t.Context(), config, synth.Weights(config, 0), engine.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // libtorch optimises a program when it is run for the second time
			if _, err := model.Forward(t.Context(), input, nil); err != nil {
				t.Fatal(err)
			}
		}
		if len(listed.programs) == before {
			t.Error("no program is held by a model that is open")
		}
		if err := model.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if left := len(listed.programs) - before; left != 0 {
		t.Errorf("%d programs are left of %d models", left, runs)
	}
}

func TestForward_FailureLeavesNothing(t *testing.T) {
	model, input := tiny(t, engine.Options{Threads: 1})
	defer model.Close()
	stop := errors.New("stop")
	flat(t, 50, func() {
		_, err := model.Forward(context.Background(), input, func(a engine.Activation) error {
			if a.Name == "blocks.1.attn" {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
	})
}

func TestScript_ConcurrentClose(t *testing.T) {
	t.Parallel()
	golden := verifytest.One(t, "digits_p16_64.unilm.float32")
	script := verifytest.Path(t, "digits/digits_p16_64.torchscript.pt")
	for range 20 {
		module, err := OpenScript(t.Context(), script, golden.Config, engine.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		var group errgroup.Group
		for range 4 {
			group.Go(module.Close)
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestForward_Concurrent(t *testing.T) {
	t.Parallel()
	model, input := tiny(t, engine.Options{Threads: 2})
	defer model.Close()
	want, err := model.Forward(context.Background(), input, nil)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				got, err := model.Forward(context.Background(), input, nil)
				if err != nil {
					t.Error(err)
				} else if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	group.Wait()
}

func TestForward_BatchEqualsSingleImages(t *testing.T) {
	t.Parallel()
	loaded, _ := tiny(t, engine.Options{DType: tensor.F64})
	defer loaded.Close()
	const images = 3
	config := loaded.(*model).config
	pixels := synth.Images(images, config, 0)
	all, err := loaded.Forward(context.Background(), engine.Input{Pixels: pixels}, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := len(pixels) / images
	var single []float64
	for i := range images {
		result, err := loaded.Forward(context.Background(), engine.Input{Pixels: pixels[i*one : (i+1)*one]}, nil)
		if err != nil {
			t.Fatal(err)
		}
		single = append(single, result.Values...)
	}
	if diff := cmp.Diff(single, all.Values, cmpopts.EquateApprox(0, 1e-13)); diff != "" {
		t.Error(diff)
	}
}
