package naming

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// indexData is the relative position index of a window, [Tokens, Tokens] of int64, made row by row.
type indexData struct{ height, width int }

func indexView(config arch.Config) tensor.View {
	height, width := config.Window()
	tokens := config.Tokens()
	return tensor.View{DType: tensor.I64, Shape: tensor.Shape{tokens, tokens}, Data: indexData{height, width}}
}

// rows calls do with each row as little-endian int64. The slice is reused.
func (d indexData) rows(do func(query int, row []byte) error) error {
	tokens := d.height*d.width + 1
	line, raw := make([]int64, tokens), make([]byte, 8*tokens)
	for query := range tokens {
		arch.RelativePositionRow(line, d.height, d.width, query)
		for key, row := range line {
			binary.LittleEndian.PutUint64(raw[8*key:], uint64(row))
		}
		if err := do(query, raw); err != nil {
			return err
		}
	}
	return nil
}

// Bytes makes the whole index.
func (d indexData) Bytes() ([]byte, error) {
	var all []byte
	err := d.rows(func(_ int, row []byte) error {
		all = append(all, row...)
		return nil
	})
	return all, err
}

// pieceBytes is about how much WriteTo collects before it writes.
const pieceBytes = 256 << 10

// WriteTo makes the index in pieces.
func (d indexData) WriteTo(w io.Writer) (int64, error) {
	var written int64
	piece := make([]byte, 0, pieceBytes)
	flush := func() error {
		n, err := w.Write(piece)
		written += int64(n)
		piece = piece[:0]
		return err
	}
	err := d.rows(func(_ int, row []byte) error {
		if len(piece) > 0 && len(piece)+len(row) > pieceBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		piece = append(piece, row...)
		return nil
	})
	if err != nil {
		return written, err
	}
	return written, flush()
}

// dropIndices compares the buffers with the computed index, on all cores, and lists them as dropped.
func (m *Model) dropIndices(ctx context.Context, buffers []tensor.Named, skip bool) error {
	if len(buffers) == 0 {
		return nil
	}
	reason := "relative position indices, equal to the computed ones"
	if skip {
		reason = "relative position indices, not compared"
	} else {
		if err := m.CheckIndices(ctx, buffers); err != nil {
			return err
		}
	}
	for _, b := range buffers {
		size, _ := b.Size()
		m.Dropped = append(m.Dropped, Dropped{Name: b.Name, Reason: reason, Bytes: size})
	}
	return nil
}

// CheckIndices compares relative position indices with the computed one, on all cores. The error is a *[PositionIndexError], or a *[MismatchError] about a shape.
func (m *Model) CheckIndices(ctx context.Context, buffers []tensor.Named) error {
	return parallel.Each(ctx, len(buffers), func(_ context.Context, i int) error {
		return tensor.Guard(func() error { return m.checkIndex(buffers[i]) })
	})
}

// checkIndex returns a *PositionIndexError if a buffer is not the computed index.
func (m *Model) checkIndex(buffer tensor.Named) error {
	config := m.Config
	want := indexView(config)
	if !buffer.Shape.Equal(want.Shape) {
		return &MismatchError{Scheme: m.Scheme, Architecture: describe(config), Shapes: []IllShaped{{buffer.Name, buffer.Shape, want.Shape}}}
	}
	raw, err := buffer.Bytes()
	if err != nil {
		return &TensorError{Name: buffer.Name, Err: err}
	}
	width := buffer.DType.Size()
	return want.Data.(indexData).rows(func(query int, row []byte) error {
		got := raw[query*config.Tokens()*width : (query+1)*config.Tokens()*width]
		if buffer.DType == tensor.I64 && bytes.Equal(got, row) {
			return nil
		}
		values := make([]float64, config.Tokens())
		if err := tensor.Decode(values, buffer.DType, got); err != nil {
			return &TensorError{Name: buffer.Name, Err: err}
		}
		for key, value := range values {
			if right := int64(binary.LittleEndian.Uint64(row[8*key:])); value != float64(right) {
				return &PositionIndexError{Name: buffer.Name, Query: query, Key: key, Got: toInt(value), Want: right, Transposed: isTransposed(buffer, config)}
			}
		}
		return nil
	})
}

// windowOf returns the one of several windows whose index a buffer holds, by the row of the first patch. That of a single row of patches is that of a single
// column too, so neither is found.
func windowOf(buffer tensor.Named, windows []arch.Window) (found arch.Window, ok bool) {
	width := int64(buffer.DType.Size())
	if len(windows) < 2 || len(buffer.Shape) != 2 || buffer.Data == nil {
		return found, false
	}
	tokens := buffer.Shape[1]
	row, err := transform.Rows(buffer.View, 1, 2)
	if err != nil {
		return found, false
	}
	values, err := tensor.Float64s(row)
	if err != nil || int64(len(values)) != int64(tokens) || width == 0 {
		return found, false
	}
	line := make([]int64, tokens)
	for _, window := range windows {
		if window.Height*window.Width+1 != tokens {
			continue
		}
		arch.RelativePositionRow(line, window.Height, window.Width, 1)
		fits := true
		for key, want := range line {
			fits = fits && values[key] == float64(want)
		}
		if fits && ok {
			return arch.Window{}, false
		}
		if fits {
			found, ok = window, true
		}
	}
	return found, ok
}

func toInt(value float64) int64 {
	if math.IsNaN(value) {
		return math.MinInt64
	}
	return int64(min(max(value, math.MinInt64), math.MaxInt64/2))
}

// isTransposed reports whether the buffer is the index with queries as columns.
func isTransposed(buffer tensor.Named, config arch.Config) bool {
	values, err := tensor.Float64s(buffer.View)
	if err != nil {
		return false
	}
	height, width := config.Window()
	tokens := config.Tokens()
	line := make([]int64, tokens)
	for query := range tokens {
		arch.RelativePositionRow(line, height, width, query)
		for key, want := range line {
			if values[key*tokens+query] != float64(want) {
				return false
			}
		}
	}
	return true
}

// indexNames returns the names of the indices that the scheme stores, by the canonical name of the table that each follows.
func (t *table) indexNames(config arch.Config) map[string]string {
	if !t.writesIndex {
		return nil
	}
	names := map[string]string{}
	block, shared := t.blockIndex[0], t.sharedIndex[0]
	if t.family == segmenterFamily {
		block, shared = t.indexOf("blocks.{i}."+blockTable, t.blockIndex), t.indexOf(sharedTable, t.sharedIndex)
	}
	switch config.Bias {
	case arch.BlockBias:
		for i := range config.Depth {
			names[fmt.Sprintf("blocks.%d.attn.relative_position_bias_table", i)] = t.withPrefix(fill(block, i), config)
		}
		for i := range config.ClassBlocks { // written by schemes that have names for them, whose second pattern is that of these blocks
			names[fmt.Sprintf("cls_pt_layers.%d.attn.relative_position_bias_table", i)] = t.withPrefix(fill(t.blockIndex[1], i), config)
		}
	case arch.SharedBias:
		names["rel_pos_bias.relative_position_bias_table"] = t.withPrefix(shared, config)
	}
	return names
}
