//go:build libtorch

package torch

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// loader makes a model's tensors in the scope that the model will own. It is used for one Load, whose context it holds.
type loader struct {
	ctx   context.Context
	scope *scope
	// config is that of the part of the model that is read, and prefix what the names of its parameters begin with in views.
	config arch.Config
	prefix string
	views  map[string]tensor.View
	device device
	dtype  dtype
	// buffer holds a copy of the current parameter, which libtorch reads. Libtorch must not read the caller's memory, which may be a mapped file: if the file
	// is truncated, reading it in Go is an error, but in C++ it ends the program.
	buffer []byte
	// layout is that of the weights of linear layers, and tokenLayout that of those in the blocks, which are given all tokens of an image; packsConvolutions means that
	// the weights of convolutions are packed.
	layout, tokenLayout layout
	packsConvolutions   bool
	// products is the dtype of the weights of linear layers.
	products dtype
	// leaves has, in training, the parameters by name. Then nothing is read: a model is put together of them, which libtorch records.
	leaves *leaves
}

// load reads all parameters of the model, for calls of so many images. It runs on the model's thread.
func (m *model) load(ctx context.Context, views []tensor.View, batch int) error {
	l := &loader{ctx: ctx, scope: &m.weights, config: m.config, views: map[string]tensor.View{}, device: m.device, dtype: m.dtype}
	for i, p := range m.config.Params() {
		l.views[p.Name] = views[i]
	}
	l.products, l.layout, l.tokenLayout = layouts(m.device, m.dtype, batch, m.threads)
	l.packsConvolutions = (m.config.Convolutional() || m.config.Segments()) && m.device == cpu && convolutionPackable(m.dtype)
	return l.withBuffer(func() {
		switch {
		case m.config.Kind == arch.VQKD:
			m.network = l.vqkd(&m.machine)
		case m.config.Convolutional():
			m.network = l.dvae(&m.machine)
		case m.config.Segments():
			m.network = l.upernet(&m.machine)
		default:
			m.network = l.transformer(&m.machine)
		}
	})
}

// at returns a parameter of the part of the model that is read.
func (l *loader) at(name string) tensor.View { return l.views[l.prefix+name] }

// blocks reads all blocks, several at once, each on one thread. Operators with several threads would be slower: their threads would wait, busily, while one
// thread reads. And most of the time is spent on the first access to new memory, which this does in parallel.
func (l *loader) blocks(threads int, shared *positions) []block {
	blocks := make([]block, l.config.Depth)
	if l.tokenLayout == forMKL { // which packs for the threads with which it multiplies, and that far more slowly with others
		for i := range blocks {
			blocks[i] = l.block(i, shared)
		}
		return blocks
	}
	parts := make([]scope, min(threads, len(blocks)))
	var next atomic.Int64
	group, ctx := errgroup.WithContext(l.ctx)
	for i := range parts {
		part := *l
		part.ctx, part.scope = ctx, &parts[i]
		group.Go(func() error {
			thread := newThread(1)
			defer thread.close()
			return thread.do(ctx, func() error {
				return part.withBuffer(func() {
					for at := next.Add(1) - 1; at < int64(len(blocks)); at = next.Add(1) - 1 {
						blocks[at] = part.block(int(at), shared)
					}
				})
			})
		})
	}
	l.scope.fail(group.Wait())
	for i := range parts {
		l.scope.adopt(&parts[i])
	}
	return blocks
}

// withBuffer calls part, which reads parameters, with a buffer as large as the largest parameter, and returns the first error. The buffer stays in the
// processor's cache, which makes the copy to it cheap.
func (l *loader) withBuffer(part func()) error {
	staging := &scope{}
	defer staging.close()
	largest := int64(8)
	for _, view := range l.views {
		size, err := view.Size()
		staging.fail(err)
		largest = max(largest, size)
	}
	doubles := (largest + 7) / 8
	l.buffer = staging.bytes(staging.empty(cpu, float64s, doubles), int(8*doubles))
	if staging.err != nil {
		return staging.err
	}
	part()
	return l.scope.err
}

// parameter returns a copy of one parameter on the model's device, in its dtype, or in training the parameter.
func (l *loader) parameter(name string) value {
	if l.leaves != nil {
		return l.leaves.values[l.prefix+name]
	}
	return l.scope.keep(func(s *scope) value { return s.copyTo(l.view(s, name), l.device, l.dtype) })
}

// view copies a parameter to the buffer and returns a tensor over it, in the parameter's own dtype. The tensor is valid until the next call.
func (l *loader) view(s *scope, name string) value {
	if s.fail(l.ctx.Err()); s.err != nil {
		return value{}
	}
	view, size := l.at(name), 0
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		size = copy(l.buffer, raw)
		return err
	})
	if err != nil {
		s.fail(fmt.Errorf("parameter %s: %w", l.prefix+name, err))
		return value{}
	}
	shape := make([]int64, len(view.Shape))
	for i, n := range view.Shape {
		shape[i] = int64(n)
	}
	return s.over(l.buffer[:size], dtypes[view.DType], shape...)
}
