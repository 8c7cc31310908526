package native

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
)

// TestFeed_BothWaysHaveTheSameBits takes rows through both layers of an MLP and through one layer after the other; the hidden dimension is more than what is taken at a time, and
// no multiple of it.
func TestFeed_BothWaysHaveTheSameBits(t *testing.T) {
	t.Parallel()
	t.Run("float32", func(t *testing.T) { t.Parallel(); bothWays[float32](t, func(*gemm.Matrix[float32]) {}) })
	t.Run("float64", func(t *testing.T) { t.Parallel(); bothWays[float64](t, func(*gemm.Matrix[float64]) {}) })
	t.Run("bfloat16 in groups", func(t *testing.T) {
		t.Parallel()
		bothWays(t, func(m *gemm.Matrix[float32]) { m.KeepGroups(gemm.BF16) })
	})
	t.Run("float16 widened", func(t *testing.T) {
		t.Parallel()
		bothWays(t, func(m *gemm.Matrix[float32]) { m.Keep(gemm.F16) })
	})
}

func bothWays[T gemm.Float](t *testing.T, keep func(*gemm.Matrix[T])) {
	const dim, hidden, patches = 40, 2*hiddenAtOnce + 90, 160
	source := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) []T {
		values := make([]T, n)
		for i := range values {
			values[i] = T(source.Float64() - 0.5)
		}
		return values
	}
	layer := func(out, in int) linear[T] {
		m := new(gemm.Matrix[T])
		keep(m)
		if err := m.FillTransposedBy(out, in, func(lines []T, _ int) error { copy(lines, draw(len(lines))); return nil }); err != nil {
			t.Fatal(err)
		}
		return linear[T]{weight: m, bias: m.Line(draw(out)), out: out, in: in}
	}
	b := &block[T]{norm2: norm[T]{weight: draw(dim), bias: draw(dim), epsilon: 1e-6}, fc1: layer(hidden, dim), fc2: layer(dim, hidden)}
	config := arch.Config{ImageHeight: 1, ImageWidth: patches, PatchSize: 1, Heads: 1, EmbedDim: dim}
	x := draw(2 * config.Tokens() * dim)
	// With so many threads there are not enough rows for all.
	var results [][]T
	for _, threads := range []int{1, 2, 1000} {
		work := newWorkspace(&model[T]{config: config, threads: threads}, 2)
		got := make([]T, len(x))
		if err := work.feed(t.Context(), b, group[T]{images: 2, x: x}, into(got, dim)); err != nil {
			t.Fatal(err)
		}
		used := func(lane mlpLane[T]) bool { return lane.sums != nil }
		if together := slices.ContainsFunc(work.mlp, used); together != (threads < 1000) {
			t.Errorf("%d threads: through both layers together: %v", threads, together)
		}
		results = append(results, got)
	}
	for i, got := range results[1:] {
		if !slices.Equal(got, results[0]) {
			t.Errorf("way %d computes something else", i+1)
		}
	}
	if slices.Max(results[0]) == 0 {
		t.Error("the result is zero")
	}
}
