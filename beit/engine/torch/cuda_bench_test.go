//go:build libtorch && cuda

package torch

import "testing"

// BenchmarkAttentionOnCUDA is BenchmarkAttention on a GPU, which the table above choices does not have.
func BenchmarkAttentionOnCUDA(b *testing.B) { benchmarkAttention(b, 0, 1) }
