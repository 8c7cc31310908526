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
	// round is nil where T's own precision is wanted.
	round func([]T)
	// rooms holds slices for weights on their way into packed form.
	rooms sync.Pool
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

// read reads one parameter into room, or into new memory where that is too small.
func (s *source[T]) read(name string, room []T) ([]T, error) {
	view := s.views[name]
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		if err != nil {
			return err
		}
		elements := len(raw) / view.DType.Size()
		if cap(room) < elements {
			room = make([]T, elements)
		}
		room = room[:elements]
		return tensor.Decode(room, view.DType, raw)
	})
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", name, err)
	}
	if s.round != nil {
		s.round(room)
	}
	return room, nil
}

// matrix reads and packs a weight [out, in]. The unpacked one is read into memory that is used again, for it is as large as the model.
func (s *source[T]) matrix(name string, out, in int) (*gemm.Matrix[T], error) {
	room, found := s.rooms.Get().(*[]T)
	if !found {
		room = new([]T)
	}
	weight, err := s.read(name, *room)
	if err != nil {
		return nil, err
	}
	packed := gemm.PackTransposed(weight, out, in, in)
	*room = weight
	s.rooms.Put(room)
	return packed, nil
}

// vectors reads several parameters.
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
