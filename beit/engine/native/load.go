package native

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// loader reads parameters as values of type T, for one Load.
type loader[T gemm.Float] struct {
	config arch.Config
	views  map[string]tensor.View
	// round rounds values to the dtype in place; nil if T has the wanted precision.
	round  func([]T)
	memory memory[T]
}

// memory lends matrices by their shapes, so that one part of a model can use that of another.
type memory[T gemm.Float] struct {
	lock        sync.Mutex
	lent, spare map[[2]int][]*gemm.Matrix[T]
}

// take returns a matrix that nobody uses.
func (m *memory[T]) take(out, in int) *gemm.Matrix[T] {
	m.lock.Lock()
	defer m.lock.Unlock()
	shape := [2]int{out, in}
	matrix := new(gemm.Matrix[T])
	if free := m.spare[shape]; len(free) > 0 {
		matrix, m.spare[shape] = free[len(free)-1], free[:len(free)-1]
	}
	if m.lent == nil {
		m.lent = make(map[[2]int][]*gemm.Matrix[T])
	}
	m.lent[shape] = append(m.lent[shape], matrix)
	return matrix
}

// free says that nobody uses the matrices any more that were lent.
func (m *memory[T]) free() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.lent, m.spare = nil, m.lent
}

func newLoader[T gemm.Float](config arch.Config, weights []tensor.Named, round func([]T)) (*loader[T], error) {
	views, err := engine.Parameters(config, weights)
	if err != nil {
		return nil, err
	}
	l := &loader[T]{config: config, views: make(map[string]tensor.View, len(views)), round: round}
	for i, p := range config.Params() {
		l.views[p.Name] = views[i]
	}
	return l, nil
}

// values returns one parameter in new memory.
func (l *loader[T]) values(name string) (values []T, err error) {
	view := l.views[name]
	err = tensor.Guard(func() error {
		raw, err := view.Bytes()
		if err != nil {
			return err
		}
		values = make([]T, len(raw)/view.DType.Size())
		return tensor.Decode(values, view.DType, raw)
	})
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", name, err)
	}
	if l.round != nil {
		l.round(values)
	}
	return values, nil
}

// matrix reads and packs a weight [out, in], a few rows at a time: they are still in the cache when they are packed.
func (l *loader[T]) matrix(name string, out, in int) (*gemm.Matrix[T], error) {
	packed, view := l.memory.take(out, in), l.views[name]
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		if err != nil {
			return err
		}
		size := view.DType.Size()
		return packed.FillTransposedBy(out, in, func(lines []T, first int) error {
			if err := tensor.Decode(lines, view.DType, raw[first*in*size:][:len(lines)*size]); err != nil {
				return err
			}
			if l.round != nil {
				l.round(lines)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", name, err)
	}
	return packed, nil
}

// vectors reads several parameters: the value of each name is where its parameter goes.
func (l *loader[T]) vectors(wanted map[string]*[]T) error {
	for name, into := range wanted {
		values, err := l.values(name)
		if err != nil {
			return err
		}
		*into = values
	}
	return nil
}

// linear reads prefix + "weight", [out, in], and prefix + "bias".
func (l *loader[T]) linear(prefix string, out, in int) (layer linear[T], err error) {
	if layer.weight, err = l.matrix(prefix+"weight", out, in); err != nil {
		return layer, err
	}
	layer.out, layer.in, layer.round = out, in, l.round
	layer.bias, err = l.values(prefix + "bias")
	return layer, err
}

// norm reads prefix + "weight" and prefix + "bias".
func (l *loader[T]) norm(prefix string) (n norm[T], err error) {
	n.epsilon, n.round = T(l.config.Epsilon), l.round
	return n, l.vectors(map[string]*[]T{prefix + "weight": &n.weight, prefix + "bias": &n.bias})
}

// load reads all parameters, several blocks at once.
func load[T gemm.Float](ctx context.Context, config arch.Config, weights []tensor.Named, threads int, round func([]T)) (engine.Model, error) {
	l, err := newLoader(config, weights, round)
	if err != nil {
		return nil, err
	}
	m := &model[T]{config: config, threads: threads, round: round, blocks: make([]block[T], config.Depth)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(threads)
	group.Go(func() (err error) { m.stem, err = l.stem(); return err })
	for i := range m.blocks {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			m.blocks[i], err = l.block(i, 1)
			return err
		})
	}
	group.Go(func() (err error) { m.tail, err = l.tail(); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return m, nil
}
