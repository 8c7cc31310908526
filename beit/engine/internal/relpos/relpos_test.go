package relpos_test

import (
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/internal/relpos"
)

// TestTable_FillMatchesIndex compares the lines that Fill writes with the values of the table at arch.RelativePositionIndex.
func TestTable_FillMatchesIndex(t *testing.T) {
	t.Parallel()
	for _, window := range [][2]int{{1, 1}, {2, 2}, {3, 5}, {5, 3}, {1, 7}, {14, 14}, {24, 24}} {
		config := arch.Config{ImageHeight: window[0], ImageWidth: window[1], PatchSize: 1, Heads: 2}
		values := make([]float64, config.BiasRows()*config.Heads)
		for i := range values {
			values[i] = float64(i)
		}
		table := relpos.New(config, values)
		index, tokens := arch.RelativePositionIndex(window[0], window[1]), config.Tokens()
		for head := range 2 {
			for query := range tokens {
				got, want := make([]float64, tokens), make([]float64, tokens)
				table.Fill(got, head, query)
				for k := range want {
					want[k] = float64(index[query*tokens+k]*2 + int64(head))
				}
				if !slices.Equal(want, got) {
					t.Fatalf("window %v head %d query %d: %v, want %v", window, head, query, got, want)
				}
				for first := query % 3; first < tokens; first += 1 + tokens/7 {
					part := make([]float64, min(tokens-first, 1+tokens/3))
					if table.FillFrom(part, head, query, first); !slices.Equal(want[first:first+len(part)], part) {
						t.Fatalf("window %v head %d query %d keys from %d: %v, want %v", window, head, query, first, part, want[first:first+len(part)])
					}
				}
			}
		}
	}
}

func TestTable_NilMeansZeros(t *testing.T) {
	t.Parallel()
	line := []float32{1, 2}
	if (*relpos.Table[float32])(nil).Fill(line, 0, 0); !slices.Equal(line, []float32{0, 0}) {
		t.Errorf("got %v", line)
	}
}
