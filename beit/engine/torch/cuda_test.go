//go:build libtorch && cuda

package torch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/enginetest"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// The tests in this file need a CUDA device and fail without one. `make test-gpu` runs them, with the tag cuda.

func TestConformanceOnCUDA(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.F64, tensor.F32, tensor.BF16, tensor.F16} {
		t.Run(dtype.String(), func(t *testing.T) {
			enginetest.Run(t, torch.Engine{}, engine.Options{DType: dtype, Device: "cuda"})
		})
	}
}

func TestRecordingsOnCUDA(t *testing.T) {
	verifytest.Run(t, torch.Engine{}, engine.Options{Device: "cuda"})
}

// TestCUDADevices makes sure that the last device runs a model, and that the index after it is an error.
func TestCUDADevices(t *testing.T) {
	devices := torch.CUDADevices()
	if devices == 0 {
		t.Fatal("libtorch finds no CUDA device")
	}
	golden := verifytest.One(t, "tiny_p16_32.timm.bfloat16")
	load := func(device int) error {
		options := engine.Options{Device: fmt.Sprintf("cuda:%d", device)}
		model, err := torch.Engine{}.Load(context.Background(), golden.Config, golden.Weights, options)
		if err != nil {
			return err
		}
		defer model.Close()
		_, err = model.Forward(context.Background(), engine.Input{Pixels: golden.Recording.Pixels}, nil)
		return err
	}
	if err := load(devices - 1); err != nil {
		t.Error(err)
	}
	var absent *engine.DeviceError
	if err := load(devices); !errors.As(err, &absent) {
		t.Errorf("device %d: %v", devices, err)
	}
}
