package native

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/beit/engine/internal/offheap"
	"github.com/beitzoo/beitzoo/tensor"
)

// loader reads parameters as values of type T, for one Load.
type loader[T gemm.Float] struct {
	config arch.Config
	// prefix is that of the names of all parameters that are read.
	prefix string
	views  map[string]tensor.View
	// round rounds values to the dtype in place; nil if T has the wanted precision.
	round  func([]T)
	memory *memory[T]
}

// part returns a loader for a part of the model, whose parameters have a prefix. Both use the same memory.
func (l *loader[T]) part(config arch.Config, prefix string) *loader[T] {
	part := *l
	part.config, part.prefix = config, prefix
	return &part
}

// memory lends matrices by their shapes, so that one part of a model can use that of another.
type memory[T gemm.Float] struct {
	lock        sync.Mutex
	lent, spare map[matrixShape][]*gemm.Matrix[T]
	// arena has the weights of a model that is loaded as a whole; nil means Go's heap.
	arena *offheap.Arena
	// half is the type in which matrices keep their elements, if it is one of 16 bits.
	half gemm.Half
}

// matrixShape is that of a matrix. prepares means that it takes a left-hand side that it prepares, so that it may be one of groups.
type matrixShape struct {
	out, in  int
	prepares bool
}

// take returns a matrix that nobody uses.
func (m *memory[T]) take(shape matrixShape) *gemm.Matrix[T] {
	m.lock.Lock()
	defer m.lock.Unlock()
	matrix, out, in := new(gemm.Matrix[T]), shape.out, shape.in
	if shape.prepares {
		matrix.KeepGroups(m.half)
	} else {
		matrix.Keep(m.half)
	}
	switch elements := gemm.Elements[T](in, out); {
	case m.arena == nil:
	case m.half == gemm.NotHalf:
		matrix.Place(offheap.Take[T](m.arena, elements))
		return matrix
	default:
		matrix.PlaceHalf(offheap.Take[uint16](m.arena, elements))
		return matrix
	}
	if free := m.spare[shape]; len(free) > 0 {
		matrix, m.spare[shape] = free[len(free)-1], free[:len(free)-1]
	}
	if m.lent == nil {
		m.lent = make(map[matrixShape][]*gemm.Matrix[T])
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

// release frees what is outside of Go's heap; nobody may use the matrices then.
func (m *memory[T]) release() {
	if m.arena != nil {
		m.arena.Free()
	}
}

// precision is how the values of a dtype are computed with those of T.
type precision[T gemm.Float] struct {
	// round rounds values to the dtype in place; nil if T has the wanted precision.
	round func([]T)
	// half is the dtype if it has 16 bits.
	half gemm.Half
}

// narrow returns how values of a dtype are computed with those of float32; Invalid stands for F32. The error is that of Load.
func (e Engine) narrow(dtype tensor.DType) (p precision[float32], err error) {
	switch dtype {
	case tensor.F32, tensor.Invalid:
	case tensor.BF16:
		p = precision[float32]{elementary.RoundBF16, gemm.BF16}
	case tensor.F16:
		p = precision[float32]{elementary.RoundF16, gemm.F16}
	default:
		err = &engine.DTypeError{Engine: e.Name(), DType: dtype, Reason: "it has F64, F32, BF16 and F16"}
	}
	return p, err
}

func newLoader[T gemm.Float](config arch.Config, weights []tensor.Named, p precision[T]) (*loader[T], error) {
	views, err := engine.Parameters(config, weights)
	if err != nil {
		return nil, err
	}
	l := &loader[T]{config: config, views: make(map[string]tensor.View, len(views)), round: p.round, memory: &memory[T]{half: p.half}}
	for i, p := range config.Params() {
		l.views[p.Name] = views[i]
	}
	return l, nil
}

// values returns one parameter in new memory.
func (l *loader[T]) values(name string) (values []T, err error) {
	name = l.prefix + name
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
	return l.pack(name, out, in, func(lines []T, view tensor.View, raw []byte, first int) error {
		size := view.DType.Size()
		if err := tensor.Decode(lines, view.DType, raw[first*in*size:][:len(lines)*size]); err != nil {
			return err
		}
		if l.round != nil {
			l.round(lines)
		}
		return nil
	})
}

// pack packs a matrix [out, in] that read makes of a parameter, whose bytes are raw: it writes the rows from first on to lines.
func (l *loader[T]) pack(name string, out, in int, read func(lines []T, view tensor.View, raw []byte, first int) error) (*gemm.Matrix[T], error) {
	name = l.prefix + name
	packed, view := l.memory.take(matrixShape{out, in, true}), l.views[name]
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		if err != nil {
			return err
		}
		return packed.FillTransposedBy(out, in, func(lines []T, first int) error { return read(lines, view, raw, first) })
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
	bias, err := l.values(prefix + "bias")
	layer.bias = layer.weight.Line(bias)
	return layer, err
}

// norm reads prefix + "weight" and prefix + "bias".
func (l *loader[T]) norm(prefix string) (n norm[T], err error) {
	n.epsilon, n.round = T(l.config.Epsilon), l.round
	return n, l.vectors(map[string]*[]T{prefix + "weight": &n.weight, prefix + "bias": &n.bias})
}

// fewWeights is the number of bytes up to which the weights of a model are in Go's heap.
const fewWeights = 8 << 20

// load reads all parameters of a model of any kind.
func load[T gemm.Float](ctx context.Context, config arch.Config, weights []tensor.Named, threads int, p precision[T]) (engine.Model, error) {
	l, err := newLoader(config, weights, p)
	if err != nil {
		return nil, err
	}
	if l.bytes() > fewWeights {
		l.memory.arena = new(offheap.Arena)
	}
	model, err := l.whole(ctx, threads)
	if err != nil {
		l.memory.release()
		return nil, err
	}
	return newLoaded(model, l.memory), nil
}

// bytes returns about how many bytes the parameters take.
func (l *loader[T]) bytes() int64 {
	total := int64(0)
	for _, view := range l.views {
		elements, _ := view.Shape.Elements() // which newLoader has compared with the architecture
		total += elements
	}
	return total * int64(elementBytes[T]())
}

// whole reads all parameters.
func (l *loader[T]) whole(ctx context.Context, threads int) (forwarder, error) {
	switch {
	case l.config.Convolutional():
		return l.dvae(ctx, threads)
	case l.config.Kind == arch.VQKD:
		return l.vqkd(ctx, threads)
	case l.config.Segments():
		return l.upernet(ctx, threads)
	}
	return l.model(ctx, threads)
}

// model reads all parameters of a transformer, several blocks at once.
func (l *loader[T]) model(ctx context.Context, threads int) (*model[T], error) {
	m := &model[T]{config: l.config, threads: threads, round: l.round, blocks: make([]block[T], l.config.Depth), spare: new(sync.Pool)}
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
