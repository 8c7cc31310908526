//go:build libtorch

package torch

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// cells are the measured architectures and batch sizes.
var cells = []struct {
	name   string
	images int
}{{"beit_base_p16_224", 1}, {"beit_base_p16_224", 8}, {"beit_base_p16_384", 1}, {"beit_large_p16_512", 1}}

func BenchmarkForward(b *testing.B) {
	for _, c := range cells {
		config, err := arch.ByName(c.name)
		if err != nil {
			b.Fatal(err)
		}
		input := engine.Input{Pixels: synth.Images(c.images, config, 0)}
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/batch=%d/threads=%d", c.name, c.images, threads), func(b *testing.B) {
				model, err := Engine{}.Load(context.Background(), config, synth.Weights(config, 0), engine.Options{Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				defer model.Close()
				for b.Loop() {
					if _, err := model.Forward(context.Background(), input, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkTraining takes training steps: forward, backward, and the update of every parameter.
func BenchmarkTraining(b *testing.B) {
	for _, recompute := range []bool{false, true} {
		b.Run(fmt.Sprintf("recompute=%t", recompute), func(b *testing.B) {
			benchmarkTraining(b, "beit_base_p16_224", 8, engine.TrainOptions{Recompute: recompute, Threads: 2})
		})
	}
}

func benchmarkTraining(b *testing.B, name string, images int, options engine.TrainOptions) {
	b.Helper()
	config, err := arch.ByName(name)
	if err != nil {
		b.Fatal(err)
	}
	l, batch := newLearner(b, config, synth.Weights(config, 0), options), drawn(config, images)
	number := 0
	for b.Loop() {
		number++
		backward(b, l, batch)
		if _, err := l.Update(b.Context(), step(config, number)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(images)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkLoad loads weights from memory, and for comparison copies the same bytes to new memory.
func BenchmarkLoad(b *testing.B) {
	config, err := arch.ByName("beit_large_p16_512")
	if err != nil {
		b.Fatal(err)
	}
	weights := synth.Weights(config, 0)
	for i := range weights {
		raw, err := weights[i].Bytes()
		if err != nil {
			b.Fatal(err)
		}
		weights[i].Data = tensor.Memory(raw)
	}
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(4 * config.Parameters())
		for b.Loop() {
			var copies [][]byte
			for _, w := range weights {
				copies = append(copies, bytes.Clone(w.Data.(tensor.Memory)))
			}
			runtime.KeepAlive(copies)
		}
	})
	b.Run("load", func(b *testing.B) {
		b.SetBytes(4 * config.Parameters())
		for b.Loop() {
			model, err := Engine{}.Load(context.Background(), config, weights, engine.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := model.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
