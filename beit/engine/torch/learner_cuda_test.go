//go:build libtorch && cuda

package torch

import (
	"fmt"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// The tests in this file need a CUDA device and fail without one. `make test-gpu` runs them, with the tag cuda.

// TestLearnerOnCUDA_TenStepsOfUnilm is TestLearner_TenStepsOfUnilm on a GPU.
func TestLearnerOnCUDA_TenStepsOfUnilm(t *testing.T) {
	compareTenSteps(t, "cuda")
}

// TestLearnerOnCUDA_BF16 is TestLearner_BF16 on a GPU.
func TestLearnerOnCUDA_BF16(t *testing.T) {
	compareBF16(t, "cuda")
}

// TestLearnerOnCUDA_SameBits makes sure that a second time, and blocks that are computed twice, give the same bits on a GPU, too.
func TestLearnerOnCUDA_SameBits(t *testing.T) {
	for name, config := range variants(t) {
		for _, dtype := range []tensor.DType{tensor.F32, tensor.BF16} {
			t.Run(name+" "+dtype.String(), func(t *testing.T) {
				weights, batch := synth.Weights(config, 0), drawn(config, 5)
				options := engine.TrainOptions{Average: true, DType: dtype, Device: "cuda"}
				want := trainedTwice(t, config, weights, options, 4, batch)
				options.Recompute = true
				if names := changed(want, trained(t, newLearner(t, config, weights, options), 1, 4, batch)); len(names) > 0 {
					t.Errorf("recomputed: %v differ", names)
				}
			})
		}
	}
}

// TestLearnerOnCUDA_SameBitsAtFullSize is the same for base_224, whose bias tables have many pairs for each element.
func TestLearnerOnCUDA_SameBitsAtFullSize(t *testing.T) {
	config, err := arch.ByName("beit_base_p16_224")
	if err != nil {
		t.Fatal(err)
	}
	weights, batch := synth.Weights(config, 0), drawn(config, 8)
	trainedTwice(t, config, weights, engine.TrainOptions{Device: "cuda"}, 2, batch)
}

// BenchmarkTrainingOnCUDA is BenchmarkTraining on a GPU.
func BenchmarkTrainingOnCUDA(b *testing.B) {
	for _, images := range []int{8, 64} {
		for _, recompute := range []bool{false, true} {
			for _, dtype := range []tensor.DType{tensor.F32, tensor.BF16} {
				b.Run(fmt.Sprintf("batch=%d/recompute=%t/%s", images, recompute, dtype), func(b *testing.B) {
					benchmarkTraining(b, "beit_base_p16_224", images, engine.TrainOptions{DType: dtype, Recompute: recompute, Device: "cuda"})
				})
			}
		}
	}
}
