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

// loader makes a model's tensors in the scope that the model will own.
type loader struct {
	ctx    context.Context
	scope  *scope
	config arch.Config
	views  map[string]tensor.View
	device device
	dtype  dtype
	buffer buffer
	// packs says that weights are packed.
	packs bool
}

// load fills the model; it runs on the model's thread.
func (m *model) load(ctx context.Context, views []tensor.View) error {
	l := &loader{ctx: ctx, scope: &m.weights, config: m.config, views: map[string]tensor.View{}, device: m.device, dtype: m.dtype}
	for i, p := range m.config.Params() {
		l.views[p.Name] = views[i]
	}
	l.packs = m.device == cpu && packable(m.dtype)
	m.attend = chooseAttention(m, l.packs)
	return l.buffered(func() {
		m.stem = l.stem()
		var shared *positions
		switch tokens := int64(m.config.Tokens()); {
		case m.config.Bias == arch.SharedBias:
			shared = l.positions("rel_pos_bias.relative_position_bias_table")
		case m.config.Bias == arch.NoBias && haveFused():
			m.noBias = l.scope.zeros(m.device, m.dtype, 1, 1, tokens, tokens)
		}
		m.blocks = l.blocks(m.threads, shared)
		m.tail = l.tail()
	})
}

// buffered runs part of a load with a buffer, and gives the first error.
func (l *loader) buffered(part func()) error {
	staging := &scope{}
	defer staging.close()
	l.buffer = newBuffer(staging, l.views)
	if staging.err != nil {
		return staging.err
	}
	part()
	return l.scope.err
}

// blocks reads all blocks, several at once, each on a thread that does all the work for its block. The threads of one operator would wait for
// the next operator busily, while one thread reads; and most of the time goes into memory that the process did not have before.
func (l *loader) blocks(threads int, shared *positions) []block {
	blocks := make([]block, l.config.Depth)
	parts := make([]scope, min(threads, len(blocks)))
	var next atomic.Int64
	group, ctx := errgroup.WithContext(l.ctx)
	for i := range parts {
		part := *l
		part.ctx, part.scope = ctx, &parts[i]
		group.Go(func() error {
			return part.onThread(func() {
				for at := next.Add(1) - 1; at < int64(len(blocks)); at = next.Add(1) - 1 {
					blocks[at] = part.block(int(at), shared)
				}
			})
		})
	}
	l.scope.fail(group.Wait())
	for i := range parts {
		l.scope.adopt(&parts[i])
	}
	return blocks
}

// onThread is buffered on a thread of its own.
func (l *loader) onThread(part func()) (err error) {
	thread := newThread(1)
	defer thread.close()
	if closed := thread.do(func() { err = l.buffered(part) }); closed != nil {
		return closed
	}
	return err
}

// parameter reads one parameter to the model's device and dtype.
func (l *loader) parameter(name string) value {
	return l.read(l.scope, name, l.device, l.dtype)
}

// read copies one parameter out of the caller's memory.
func (l *loader) read(s *scope, name string, device device, dtype dtype) value {
	return s.give(func(s *scope) value { return s.copyTo(l.view(s, name), device, dtype) })
}

// view makes a tensor over a copy of the parameter in the buffer, valid until the next one is made.
func (l *loader) view(s *scope, name string) value {
	if s.fail(l.ctx.Err()); s.err != nil {
		return value{}
	}
	view := l.views[name]
	raw, err := l.buffer.read(view)
	if err != nil {
		s.fail(fmt.Errorf("parameter %s: %w", name, err))
		return value{}
	}
	shape := make([]int64, len(view.Shape))
	for i, n := range view.Shape {
		shape[i] = int64(n)
	}
	return s.over(raw, dtypes[view.DType], shape...)
}

// linear reads prefix + "weight" and prefix + "bias" for inputs of that many rows.
func (l *loader) linear(prefix string, rows int) linear {
	return l.pack(prefix+"weight", rows, l.parameter(prefix+"bias"))
}

// pack reads a weight, [out, in] or [out, ...], and lays it out for the kernels.
func (l *loader) pack(name string, rows int, bias value) linear {
	shape := l.views[name].Shape
	elements, err := shape.Elements()
	l.scope.fail(err)
	out := int64(shape[0])
	weight := l.scope.give(func(s *scope) value {
		flat := s.reshape(l.view(s, name), out, elements/out)
		if !l.packs {
			return s.copyTo(flat, l.device, l.dtype)
		}
		if dtypes[l.views[name].DType] != l.dtype {
			flat = s.copyTo(flat, l.device, l.dtype)
		}
		return s.run(packWeight, flat, s.empty(cpu, l.dtype, int64(rows), 0))
	})
	return linear{weight: weight, bias: bias, packed: l.packs}
}
