//go:build libtorch

package torch

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/edsrzf/mmap-go"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestLoad_TruncatedFile truncates a mapped file at different times during Load, which must fail or succeed. If libtorch read the mapped memory itself, this
// would end the process.
func TestLoad_TruncatedFile(t *testing.T) {
	config, err := arch.ByName("beit_base_p16_224")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "weights"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	size := 4 * config.Parameters()
	if err := file.Truncate(size); err != nil { // a hole, which reads as zeros
		t.Fatal(err)
	}
	mapped, err := mmap.Map(file, mmap.RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Unmap()
	weights := laidOut(t, config, mapped)
	load := func() error {
		model, err := Engine{}.Load(context.Background(), config, weights, engine.Options{Threads: 2})
		if err == nil {
			err = model.Close()
		}
		return err
	}
	start := time.Now()
	if err := load(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	const wanted, atMost = 5, 300
	for cut, tries := 0, 0; cut < wanted; tries++ {
		if tries == atMost {
			t.Fatalf("only %d of %d loads read beyond the end of the file: too few for this test", cut, tries)
		}
		if err := file.Truncate(size); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(rand.N(took), func() { _ = file.Truncate(0) })
		if err := load(); errors.Is(err, tensor.ErrFault) {
			cut++
		} else if err != nil {
			t.Error(err)
		}
		timer.Stop()
	}
}

// laidOut returns the parameters of config, consecutive in memory.
func laidOut(t *testing.T, config arch.Config, memory []byte) []tensor.Named {
	t.Helper()
	var weights []tensor.Named
	for _, p := range config.Params() {
		view := tensor.View{DType: tensor.F32, Shape: p.Shape}
		size, err := view.Size()
		if err != nil {
			t.Fatal(err)
		}
		view.Data = tensor.Memory(memory[:size])
		memory = memory[size:]
		weights = append(weights, tensor.Named{Name: p.Name, View: view})
	}
	return weights
}
