//go:build libtorch

package torch

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// positions is a relative position bias. The matrix, [1, heads, T, T], is made at the first Forward and kept. Load does not make it: at 1,025 tokens it is
// larger than the weights of the block, and not every loaded model is run.
type positions struct {
	config arch.Config
	// table is the parameter, [rows, heads].
	table tensor.View
	name  string
	// matrix belongs to the model's scope.
	matrix value
}

// positions reads a bias table and copies it in its own dtype.
func (l *loader) positions(name string) *positions {
	view := l.views[name]
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		view.Data = tensor.Memory(slices.Clone(raw))
		return err
	})
	if err != nil {
		l.scope.fail(fmt.Errorf("parameter %s: %w", name, err))
	}
	return &positions{config: l.config, table: view, name: name}
}

// get returns the matrix. For a model without bias, a nil p, it is absent, or zeros if the implementation of attention needs them.
func (p *positions) get(m *model) (value, error) {
	if p == nil {
		return m.noBias, nil
	}
	if p.matrix == (value{}) {
		if m.dtype == float64s {
			p.matrix = gather[float64](p, m, float64s)
		} else {
			p.matrix = gather[float32](p, m, float32s)
		}
	}
	return p.matrix, m.weights.reset()
}

// gather makes the matrix, with elements of type T.
func gather[T float32 | float64](p *positions, m *model, dtype dtype) value {
	tokens, heads := p.config.Tokens(), p.config.Heads
	return m.weights.keep(func(s *scope) value {
		columns, err := reversed[T](p)
		s.fail(err)
		matrix := s.empty(cpu, dtype, 1, int64(heads), int64(tokens), int64(tokens))
		raw := s.bytes(matrix, heads*tokens*tokens*int(unsafe.Sizeof(*new(T))))
		if s.err != nil {
			return value{}
		}
		out := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), heads*tokens*tokens)
		parallel.For(m.threads, heads, func(_, head int) {
			for query := range tokens {
				fillLine(out[(head*tokens+query)*tokens:][:tokens], columns[head], p.config, query)
			}
		})
		if m.device == cpu && m.dtype == dtype {
			return matrix
		}
		return s.copyTo(matrix, m.device, m.dtype)
	})
}

// reversed returns for each head the spatial rows of the table in reverse order, followed by its last three.
func reversed[T float32 | float64](p *positions) ([][]T, error) {
	rows, heads := p.config.BiasRows(), p.config.Heads
	raw, err := p.table.Bytes()
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", p.name, err)
	}
	table := make([]T, rows*heads)
	if err := tensor.Decode(table, p.table.DType, raw); err != nil {
		return nil, fmt.Errorf("parameter %s: %w", p.name, err)
	}
	columns := make([][]T, heads)
	for head := range columns {
		columns[head] = make([]T, rows)
		for row := range rows {
			columns[head][row] = table[row*heads+head]
		}
		slices.Reverse(columns[head][:rows-3])
	}
	return columns, nil
}

// fillLine writes the biases of one query for all keys. In the reversed table those for the keys in one row of patches are consecutive.
func fillLine[T float32 | float64](line, column []T, config arch.Config, query int) {
	height, width := config.Window()
	last := column[len(column)-3:]
	fromClass, toClass, classToClass := last[0], last[1], last[2]
	if query == 0 {
		line[0] = classToClass
		for key := 1; key < len(line); key++ {
			line[key] = fromClass
		}
		return
	}
	line[0] = toClass
	y, x := (query-1)/width, (query-1)%width
	for row := range height {
		at := (height-1-y+row)*(2*width-1) + width - 1 - x
		copy(line[1+row*width:][:width], column[at:at+width])
	}
}
