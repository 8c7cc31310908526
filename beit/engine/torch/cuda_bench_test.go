//go:build libtorch && cuda

package torch

import "testing"

// BenchmarkAttentionOnCUDA measures what the table of choices lacks.
func BenchmarkAttentionOnCUDA(b *testing.B) { benchmarkAttention(b, 0, 1) }
