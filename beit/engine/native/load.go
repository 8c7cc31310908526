package native

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// source reads parameters as values of type T.
type source[T gemm.Float] struct {
	config arch.Config
	views  map[string]tensor.View
	// round rounds values to the dtype in place; nil if T has the wanted precision.
	round func([]T)
	// buffers holds slices of T in which weights wait to be packed.
	buffers sync.Pool
}

func newSource[T gemm.Float](config arch.Config, weights []tensor.Named, round func([]T)) (*source[T], error) {
	views, err := engine.Parameters(config, weights)
	if err != nil {
		return nil, err
	}
	s := &source[T]{config: config, views: make(map[string]tensor.View, len(views)), round: round}
	for i, p := range config.Params() {
		s.views[p.Name] = views[i]
	}
	return s, nil
}

// values reads one parameter.
func (s *source[T]) values(name string) ([]T, error) { return s.read(name, nil) }

// read reads one parameter into buffer, or into new memory if that is too small.
func (s *source[T]) read(name string, buffer []T) ([]T, error) {
	view := s.views[name]
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
	if s.round != nil {
		s.round(buffer)
	}
	return buffer, nil
}

// matrix reads and packs a weight [out, in]. The memory of the unpacked weights is reused: together they are as large as the model.
func (s *source[T]) matrix(name string, out, in int) (*gemm.Matrix[T], error) {
	buffer, found := s.buffers.Get().(*[]T)
	if !found {
		buffer = new([]T)
	}
	weight, err := s.read(name, *buffer)
	if err != nil {
		return nil, err
	}
	packed := gemm.PackTransposed(weight, out, in, in)
	*buffer = weight
	s.buffers.Put(buffer)
	return packed, nil
}

// vectors reads several parameters, each to where the map says.
func (s *source[T]) vectors(wanted map[string]*[]T) error {
	for name, into := range wanted {
		values, err := s.values(name)
		if err != nil {
			return err
		}
		*into = values
	}
	return nil
}

// linear reads prefix + "weight" of [out, in] and prefix + "bias".
func (s *source[T]) linear(prefix string, out, in int) (l linear[T], err error) {
	if l.weight, err = s.matrix(prefix+"weight", out, in); err != nil {
		return l, err
	}
	l.out, l.in, l.round = out, in, s.round
	l.bias, err = s.values(prefix + "bias")
	return l, err
}

// norm reads prefix + "weight" and prefix + "bias".
func (s *source[T]) norm(prefix string) (n norm[T], err error) {
	n.epsilon, n.round = T(s.config.Epsilon), s.round
	return n, s.vectors(map[string]*[]T{prefix + "weight": &n.weight, prefix + "bias": &n.bias})
}

// load reads all parameters, several blocks at once.
func load[T gemm.Float](ctx context.Context, config arch.Config, weights []tensor.Named, threads int, round, activate func([]T)) (engine.Model, error) {
	s, err := newSource(config, weights, round)
	if err != nil {
		return nil, err
	}
	m := &model[T]{config: config, threads: threads, round: round, blocks: make([]block[T], config.Depth)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(threads)
	group.Go(func() (err error) { m.stem, err = s.stem(); return err })
	for i := range m.blocks {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			m.blocks[i], err = s.block(i, activate)
			return err
		})
	}
	group.Go(func() (err error) { m.tail, err = s.tail(); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return m, nil
}
