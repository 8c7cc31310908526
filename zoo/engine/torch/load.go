//go:build libtorch

package torch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
)

// loader makes a model's tensors in the scope that the model will own.
type loader struct {
	ctx    context.Context
	scope  *scope
	config arch.Config
	views  map[string]tensor.View
	device device
	dtype  dtype
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
	m.stem = l.stem()
	m.blocks = make([]block, m.config.Depth)
	var shared *positions
	switch tokens := int64(m.config.Tokens()); {
	case m.config.Bias == arch.SharedBias:
		shared = l.positions("rel_pos_bias.relative_position_bias_table")
	case m.config.Bias == arch.NoBias && haveFused():
		m.noBias = l.scope.zeros(m.device, m.dtype, 1, 1, tokens, tokens)
	}
	for i := range m.blocks {
		m.blocks[i] = l.block(i, shared)
	}
	m.tail = l.tail()
	return l.scope.err
}

// parameter reads one parameter to the model's device and dtype.
func (l *loader) parameter(name string) value {
	return l.read(l.scope, name, l.device, l.dtype)
}

// read copies one parameter out of the caller's memory, once where its dtype is the wanted one.
func (l *loader) read(s *scope, name string, device device, dtype dtype) value {
	return s.give(func(s *scope) value { return s.copyTo(l.view(s, name), device, dtype) })
}

// view makes a tensor over the caller's memory, such as a mapped file, that is valid while the load runs.
func (l *loader) view(s *scope, name string) value {
	if s.fail(l.ctx.Err()); s.err != nil {
		return value{}
	}
	view := l.views[name]
	raw, err := readable(view)
	if err != nil {
		s.fail(fmt.Errorf("parameter %s: %w", name, err))
		return value{}
	}
	shape := make([]int64, len(view.Shape))
	for i, n := range view.Shape {
		shape[i] = int64(n)
	}
	if len(raw) == 0 {
		return s.empty(cpu, dtypes[view.DType], shape...)
	}
	if uintptr(unsafe.Pointer(unsafe.SliceData(raw)))%uintptr(view.DType.Size()) == 0 {
		return s.over(raw, dtypes[view.DType], shape...)
	}
	aligned := s.empty(cpu, dtypes[view.DType], shape...)
	copy(s.bytes(aligned, len(raw)), raw)
	return aligned
}

// sink keeps the compiler from leaving the reads out that touch pages.
var sink atomic.Uint32

// pageSize is the smallest unit in which a file is mapped on any system.
const pageSize = 4096

// readable gives the bytes of a view after touching each page of them: a fault (the file was cut short after it was mapped) is an error
// here, where in C it would end the program.
func readable(view tensor.View) (raw []byte, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			raw, err = nil, errors.New("reading failed: its file has changed")
		}
	}()
	if raw, err = view.Bytes(); err != nil {
		return nil, err
	}
	var touched byte
	for i := 0; i < len(raw); i += pageSize {
		touched |= raw[i]
	}
	if len(raw) > 0 {
		touched |= raw[len(raw)-1]
	}
	sink.Store(uint32(touched))
	return raw, nil
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
