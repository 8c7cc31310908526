//go:build libtorch

package torch

import (
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/enginetest"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

func TestConformance(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.F64, tensor.F32, tensor.BF16, tensor.F16} {
		if !supported(dtypes[dtype]) {
			continue
		}
		t.Run(dtype.String(), func(t *testing.T) {
			t.Parallel()
			lacks := func(config arch.Config) bool { return config.Segments() && !segments(dtypes[dtype]) }
			enginetest.RunWithout(t, Engine{}, engine.Options{DType: dtype, Threads: 2}, lacks)
		})
	}
	t.Run("arranged for batches", func(t *testing.T) {
		t.Parallel()
		enginetest.Run(t, Engine{}, engine.Options{Threads: 2, Batch: 8})
	})
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	verifytest.Run(t, Engine{}, engine.Options{})
}

func TestSegmentation(t *testing.T) {
	t.Parallel()
	verifytest.RunSegmentation(t, Engine{}, engine.Options{Threads: 2}, func(dtype tensor.DType) bool { return supported(dtypes[dtype]) && segments(dtypes[dtype]) })
}

// Of the supported versions of libtorch only those before 2.0, which have no fused attention, lack UPerNet in a dtype in which they compute.
func TestSegments(t *testing.T) {
	t.Parallel()
	for name, dtype := range dtypes {
		if haveFused() && supported(dtype) && !segments(dtype) {
			t.Errorf("no UPerNet in %s", name)
		}
	}
}
