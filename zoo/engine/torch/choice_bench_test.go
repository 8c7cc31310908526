//go:build libtorch

package torch

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
)

// BenchmarkAttention compares the forms of attention, one block's without its linear layers: what the table of choices says is measured so.
func BenchmarkAttention(b *testing.B) {
	for _, c := range []struct {
		name   string
		images int
	}{{"beit_base_p16_224", 1}, {"beit_base_p16_224", 8}, {"beit_base_p16_384", 1}, {"beit_large_p16_512", 1}} {
		config, err := arch.ByName(c.name)
		if err != nil {
			b.Fatal(err)
		}
		for _, dtype := range []tensor.DType{tensor.F32, tensor.F64, tensor.BF16, tensor.F16} {
			for _, threads := range []int{1, 2} {
				for form, attend := range map[string]attend{"plain": plain, "fused": fused} {
					b.Run(fmt.Sprintf("dtype=%s/%s/batch=%d/threads=%d/%s", dtype, c.name, c.images, threads, form), func(b *testing.B) {
						benchmarkAttention(b, config, c.images, dtypes[dtype], threads, attend)
					})
				}
			}
		}
	}
}

func benchmarkAttention(b *testing.B, config arch.Config, images int, dtype dtype, threads int, attend attend) {
	if !supported(dtype) || !haveFused() {
		b.Skip("this libtorch has no choice")
	}
	n, heads, tokens, width := int64(images), int64(config.Heads), int64(config.Tokens()), int64(config.HeadDim())
	t := newThread(threads)
	defer t.close()
	s := &scope{}
	err := t.do(func() {
		defer s.close()
		x := s.copyTo(s.floats(normal(3*n*tokens*heads*width), n, tokens, 3, heads, width), cpu, dtype)
		x = s.permute(x, 2, 0, 3, 1, 4)
		bias := s.copyTo(s.floats(normal(heads*tokens*tokens), 1, heads, tokens, tokens), cpu, dtype)
		for b.Loop() {
			s.within(func(s *scope) { attend(s, s.pick(x, 0, 0), s.pick(x, 0, 1), s.pick(x, 0, 2), bias, config.HeadDim()) })
		}
	})
	if err != nil || s.err != nil {
		b.Fatal(err, s.err)
	}
}

// normal gives n drawn values.
func normal(n int64) []float32 {
	source := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(source.NormFloat64())
	}
	return values
}
