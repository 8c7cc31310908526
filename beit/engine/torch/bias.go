//go:build libtorch

package torch

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/internal/relpos"
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
	// leaf is the table in training, when the matrix is made of it each time, and index where its elements are; see leaves.
	leaf, index value
}

// positions reads a bias table and copies it in its own dtype.
func (l *loader) positions(name string) *positions {
	if l.leaves != nil {
		return &positions{config: l.config, leaf: l.parameter(name), index: l.leaves.index}
	}
	view := l.at(name)
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		view.Data = tensor.Memory(slices.Clone(raw))
		return err
	})
	if err != nil {
		l.scope.fail(fmt.Errorf("parameter %s: %w", name, err))
	}
	return &positions{config: l.config, table: view, name: l.prefix + name}
}

// get returns the matrix, and an error of making it. In training s owns the matrix.
func (p *positions) get(s *scope, m *machine) (value, error) {
	if p.leaf != (value{}) {
		return s.recorded(p, m.device), nil
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
func gather[T float32 | float64](p *positions, m *machine, dtype dtype) value {
	tokens, heads := p.config.Tokens(), p.config.Heads
	return m.weights.keep(func(s *scope) value {
		table, err := decoded[T](p)
		s.fail(err)
		matrix := s.empty(cpu, dtype, 1, int64(heads), int64(tokens), int64(tokens))
		raw := s.bytes(matrix, heads*tokens*tokens*int(unsafe.Sizeof(*new(T))))
		if s.err != nil {
			return value{}
		}
		out := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), heads*tokens*tokens)
		parallel.For(m.threads, heads, func(_, head int) {
			for query := range tokens {
				table.Fill(out[(head*tokens+query)*tokens:][:tokens], head, query)
			}
		})
		if m.device == cpu && m.dtype == dtype {
			return matrix
		}
		return s.copyTo(matrix, m.device, m.dtype)
	})
}

// decoded returns the table with elements of type T.
func decoded[T float32 | float64](p *positions) (*relpos.Table[T], error) {
	raw, err := p.table.Bytes()
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", p.name, err)
	}
	values := make([]T, p.config.BiasRows()*p.config.Heads)
	if err := tensor.Decode(values, p.table.DType, raw); err != nil {
		return nil, fmt.Errorf("parameter %s: %w", p.name, err)
	}
	return relpos.New(p.config, values), nil
}
