//go:build libtorch

package torch

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/engine"
)

// tolerances are relative to the largest value of a tap. Recordings in float64 are matched to its rounding, and by float32 to float32's.
var tolerances = map[tensor.DType]float64{tensor.F64: 1e-12, tensor.F32: 4e-6, tensor.BF16: 3e-2, tensor.F16: 4e-3}

func TestRecordings(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testdata, "*", "*.recording.safetensors"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, path := range paths {
		if strings.Contains(path, "full") {
			continue
		}
		recording := readRecording(t, path)
		for _, dtype := range []tensor.DType{tensor.F64, tensor.F32, tensor.BF16, tensor.F16} {
			comparable := dtype == recording.dtype || dtype == tensor.F32 && recording.dtype == tensor.F64
			if !comparable {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", recording.name, dtype), func(t *testing.T) { recording.check(t, dtype) })
		}
	}
}

// check runs the model and compares every tap.
func (r recording) check(t *testing.T, dtype tensor.DType) {
	model, err := Engine{}.Load(context.Background(), r.config, r.weights(t), engine.Options{DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	seen := map[string]bool{}
	result, err := model.Forward(context.Background(), r.input, func(a engine.Activation) error {
		seen[a.Name] = true
		if want, recorded := r.taps[a.Name]; recorded {
			r.compare(t, a, want, tolerances[dtype])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.compare(t, result, r.taps["logits"], tolerances[dtype])
	for name := range r.taps {
		if !seen[name] {
			t.Errorf("no tap %s", name)
		}
	}
}

func (r recording) compare(t *testing.T, got engine.Activation, want []float64, tolerance float64) {
	t.Helper()
	if len(got.Values) != len(want) {
		t.Fatalf("%s has %d values %s, recorded are %d", got.Name, len(got.Values), got.Shape, len(want))
	}
	var distance, size float64
	for i, v := range got.Values {
		distance = max(distance, math.Abs(v-want[i]))
		size = max(size, math.Abs(want[i]))
	}
	t.Logf("%s: off by %.2g of %.3g", got.Name, distance, size)
	if !(distance <= tolerance*size) {
		t.Errorf("%s: off by %.3g, largest value %.3g", got.Name, distance, size)
	}
}
