//go:build libtorch

package torch

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// BenchmarkAttention measures both implementations of attention, for one block without its linear layers. The table above choices has its results.
func BenchmarkAttention(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) { benchmarkAttention(b, cpu, threads) })
	}
}

func benchmarkAttention(b *testing.B, device device, threads int) {
	for _, c := range cells {
		config, err := arch.ByName(c.name)
		if err != nil {
			b.Fatal(err)
		}
		for _, dtype := range []tensor.DType{tensor.F32, tensor.F64, tensor.BF16, tensor.F16} {
			for form, attend := range map[string]attend{"plain": plain, "fused": fused} {
				b.Run(fmt.Sprintf("dtype=%s/%s/batch=%d/%s", dtype, c.name, c.images, form), func(b *testing.B) {
					m := &transformer{machine: &machine{device: device, dtype: dtypes[dtype], threads: threads}, config: config, attend: attend}
					m.benchmarkAttention(b, int64(c.images))
				})
			}
		}
	}
}

func (m *transformer) benchmarkAttention(b *testing.B, images int64) {
	if m.device == cpu && !supported(m.dtype) || !haveFused() {
		b.Skip("this libtorch has no choice")
	}
	heads, tokens, width := int64(m.config.Heads), int64(m.config.Tokens()), int64(m.config.HeadDim())
	t := newThread(m.threads)
	defer t.close()
	err := t.compute(b.Context(), func(s *scope) {
		x := s.copyTo(s.floats(normal(3*images*tokens*heads*width), images, tokens, 3, heads, width), m.device, m.dtype)
		x = s.permute(x, 2, 0, 3, 1, 4)
		bias := s.copyTo(s.floats(normal(heads*tokens*tokens), 1, heads, tokens, tokens), m.device, m.dtype)
		for b.Loop() {
			s.within(func(s *scope) {
				y := m.attend(s, s.pick(x, 0, 0), s.pick(x, 0, 1), s.pick(x, 0, 2), bias, int(width))
				if m.device != cpu { // whose work is done when something of it is here
					s.copyTo(s.pick(s.pick(y, 0, 0), 0, 0), cpu, m.dtype)
				}
			})
		}
	})
	if err != nil {
		b.Fatal(err)
	}
}

// normal returns n random values.
func normal(n int64) []float32 {
	source := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(source.NormFloat64())
	}
	return values
}
