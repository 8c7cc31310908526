package native

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/beit/engine/internal/relpos"
)

// attentionCase is one run of attention alone: queries, keys and values of some images.
type attentionCase[T gemm.Float] struct {
	config arch.Config
	images int
	qkv    []T
	bias   *relpos.Table[T]
}

// drawAttention draws a case of patches in one line. Scores are up to about spread.
func drawAttention[T gemm.Float](patches, heads, width, images int, spread float64) *attentionCase[T] {
	c := &attentionCase[T]{images: images, config: arch.Config{ImageHeight: 1, ImageWidth: patches, PatchSize: 1, Heads: heads, EmbedDim: heads * width, Bias: arch.BlockBias}}
	source := rand.New(rand.NewPCG(uint64(patches), uint64(heads)))
	c.qkv = make([]T, images*c.config.Tokens()*3*heads*width)
	for i := range c.qkv {
		c.qkv[i] = T((2*source.Float64() - 1) * math.Sqrt(spread))
	}
	table := make([]T, c.config.BiasRows()*heads)
	for i := range table {
		table[i] = T(2*source.Float64() - 1)
	}
	c.bias = relpos.New(c.config, table)
	return c
}

// apply returns what attention computes with so many threads.
func (c *attentionCase[T]) apply(t *testing.T, threads int) []T {
	t.Helper()
	m := &model[T]{config: c.config, threads: threads}
	a := newAttention(m, c.images)
	a.bias = c.bias
	out := make([]T, len(c.qkv)/3)
	putPieces(a, slices.Clone(c.qkv), c.images)
	if err := a.apply(t.Context(), threads, into(out, c.config.EmbedDim), c.images); err != nil {
		t.Fatal(err)
	}
	return out
}

// putPieces puts qkv as a product may: in pieces that end inside images, tiles and heads.
func putPieces[T gemm.Float](a *attention[T], qkv []T, images int) {
	rows, columns := images*a.tokens, 3*a.heads*a.width
	const high, wide = 29, 33
	for row := 0; row < rows; row += high {
		for column := 0; column < columns; column += wide {
			a.put(row, column, qkv[row*columns+column:], min(high, rows-row), min(wide, columns-column), columns)
		}
	}
}

// definition returns what the definition says, in float64.
func (c *attentionCase[T]) definition() []float64 {
	tokens, heads, width := c.config.Tokens(), c.config.Heads, c.config.HeadDim()
	at := func(image, token, head, part, i int) float64 {
		return float64(c.qkv[((image*tokens+token)*3+part)*heads*width+head*width+i])
	}
	out := make([]float64, len(c.qkv)/3)
	line, bias := make([]float64, tokens), make([]T, tokens)
	for n := range c.images * heads * tokens {
		image, head, query := n/tokens/heads, n/tokens%heads, n%tokens
		c.bias.Fill(bias, head, query)
		largest := math.Inf(-1)
		for key := range line {
			line[key] = 0
			for i := range width {
				line[key] += at(image, query, head, 0, i) * at(image, key, head, 1, i)
			}
			line[key] = line[key]/math.Sqrt(float64(width)) + float64(bias[key])
			largest = max(largest, line[key])
		}
		total := 0.0
		for key, v := range line {
			line[key] = math.Exp(v - largest)
			total += line[key]
		}
		for i := range width {
			sum := 0.0
			for key, v := range line {
				sum += v / total * at(image, key, head, 2, i)
			}
			out[((image*tokens+query)*heads+head)*width+i] = sum
		}
	}
	return out
}

func TestAttention_MatchesDefinition(t *testing.T) {
	t.Parallel()
	t.Run("float32", func(t *testing.T) { t.Parallel(); attentionDefinition[float32](t, 0x1p-23) })
	t.Run("float64", func(t *testing.T) { t.Parallel(); attentionDefinition[float64](t, 0x1p-52) })
}

// attentionDefinition takes numbers of tokens around those of a tile, and scores that grow from tile to tile by far more than exp can hold.
func attentionDefinition[T gemm.Float](t *testing.T, epsilon float64) {
	for _, patches := range []int{1, 22, 46, 222, 223, 224, 300, 446, 447, 448, 700} {
		for _, spread := range []float64{1, 30, 1e4} {
			c := drawAttention[T](patches, 2, 7, 2, spread)
			want, got := c.definition(), c.apply(t, 3)
			// An error of a score, which is about its size times epsilon, is one of the weight.
			bound := epsilon * (64 + 16*spread) * math.Sqrt(spread)
			for i := range want {
				if off := math.Abs(float64(got[i]) - want[i]); !(off <= bound) {
					t.Fatalf("%d patches, scores up to about %g: value %d is %v, want %v within %g", patches, spread, i, got[i], want[i], bound)
				}
			}
		}
	}
}

// TestAttention_ThreadsAndPlaceDoNotMatter compares to the bit.
func TestAttention_ThreadsAndPlaceDoNotMatter(t *testing.T) {
	t.Parallel()
	c := drawAttention[float32](300, 3, 16, 4, 5)
	want := c.apply(t, 1)
	for _, threads := range []int{2, 5} {
		if !slices.Equal(c.apply(t, threads), want) {
			t.Errorf("%d threads compute something else", threads)
		}
	}
	one := len(c.qkv) / c.images
	for n := range c.images {
		alone := &attentionCase[float32]{config: c.config, images: 1, qkv: c.qkv[n*one : (n+1)*one], bias: c.bias}
		if !slices.Equal(alone.apply(t, 1), want[n*one/3:(n+1)*one/3]) {
			t.Errorf("image %d alone is something else", n)
		}
	}
}

// TestAttention_NotFinite puts a value that is not finite into a key of each tile: a score of NaN or infinity makes all that its query computes NaN, and one of negative infinity
// has no weight, whatever came before it or comes after it.
func TestAttention_NotFinite(t *testing.T) {
	t.Parallel()
	const heads, width, patches = 1, 4, 300
	for _, key := range []int{0, 1, 127, 223, 224, 300} {
		for _, value := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			c := drawAttention[float32](patches, heads, width, 1, 3)
			for token := range c.config.Tokens() { // a query of ones: the scores of the key have the sign of the value
				copy(c.qkv[token*3*width:], []float32{1, 1, 1, 1})
			}
			spoilt := c.qkv[(key*3+1)*width:]
			spoilt[0] = value
			got := c.apply(t, 2)
			if !math.IsInf(float64(value), -1) {
				if at := slices.IndexFunc(got, func(v float32) bool { return v == v }); at >= 0 {
					t.Errorf("key %d is %v: value %d is %v", key, value, at, got[at])
				}
				continue
			}
			for i, want := range c.definition() {
				if off := math.Abs(float64(got[i]) - want); !(off <= 1e-5) {
					t.Errorf("key %d is %v: value %d is %v, want %v", key, value, i, got[i], want)
					break
				}
			}
		}
	}
	// Whole tiles of negative infinity, before and behind the only key that is finite.
	for _, key := range []int{0, 150, 300} {
		c := drawAttention[float64](patches, heads, width, 1, 3)
		for token := range c.config.Tokens() {
			copy(c.qkv[token*3*width:], []float64{1, 1, 1, 1})
			if token != key {
				c.qkv[(token*3+1)*width] = math.Inf(-1)
			}
		}
		got, alone := c.apply(t, 1), c.qkv[(key*3+2)*width:][:width]
		for i, v := range got {
			if v != alone[i%width] {
				t.Fatalf("key %d alone is finite: value %d is %v, want %v", key, i, v, alone[i%width])
			}
		}
	}
}
