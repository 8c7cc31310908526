//go:build libtorch

package main

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate"
)

// TestEval_TorchBatches: libtorch computes by other kernels for other batches. The figures are the same, and the losses within what docs/evaluation.md says.
func TestEval_TorchBatches(t *testing.T) {
	t.Parallel()
	losses := map[int]map[int]float64{}
	for _, size := range []int{1, 7, 8, 64} {
		path := filepath.Join(t.TempDir(), "p.jsonl")
		images := filepath.Join("..", "..", "manifests", "embedded", "images")
		if out := succeed(t, "eval", "digits_p16_64", images, "--engine", "torch", "--batch", strconv.Itoa(size), "--predictions", path); !strings.Contains(out, "(346 of 360), top-5 99.72 %") {
			t.Errorf("batches of %d: %s", size, out)
		}
		read, err := evaluate.ReadPredictions(path)
		if err != nil {
			t.Fatal(err)
		}
		losses[size] = map[int]float64{}
		for record, err := range read.Records() {
			if err != nil {
				t.Fatal(err)
			}
			losses[size][record.Index] = record.Loss
		}
	}
	for size, of := range losses {
		largest := 0.0
		for i, loss := range of {
			largest = max(largest, math.Abs(loss-losses[1][i]))
		}
		t.Logf("batches of %d: losses differ by up to %.2g from those of single images", size, largest)
		if largest > 1e-4 {
			t.Errorf("batches of %d: losses differ by %g", size, largest)
		}
	}
}
