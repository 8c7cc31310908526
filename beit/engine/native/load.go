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
	round func([]T)
	// buffers has memory for weights that are not packed yet.
	buffers sync.Pool
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
func (l *loader[T]) values(name string) ([]T, error) { return l.read(name, nil) }

// read reads one parameter into buffer, or into new memory if that is too small.
func (l *loader[T]) read(name string, buffer []T) ([]T, error) {
	view := l.views[name]
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		if err != nil {
			return err
		}
		elements := len(raw) / view.DType.Size()
		if cap(buffer) < elements {
			buffer = make([]T, elements)
		}
		buffer = buffer[:elements]
		return tensor.Decode(buffer, view.DType, raw)
	})
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", name, err)
	}
	if l.round != nil {
		l.round(buffer)
	}
	return buffer, nil
}

// matrix reads and packs a weight [out, in]. It reuses the memory of unpacked weights, which together are as large as the model.
func (l *loader[T]) matrix(name string, out, in int) (*gemm.Matrix[T], error) {
	buffer, found := l.buffers.Get().(*[]T)
	if !found {
		buffer = new([]T)
	}
	weight, err := l.read(name, *buffer)
	if err != nil {
		return nil, err
	}
	packed := gemm.PackTransposed(weight, out, in, in)
	*buffer = weight
	l.buffers.Put(buffer)
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
