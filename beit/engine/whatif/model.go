package whatif

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// Model reads parameters in float64 when they are first used, and remembers products. Several goroutines can use it, and versions of it, at a time, but for Forget
// and SetThreads.
type Model struct {
	Config arch.Config
	views  map[string]tensor.View
	// mutex guards what follows, up to threads.
	mutex   sync.Mutex
	tensors map[string]*Tensor
	memo    map[any]*remembered
	// held is the number of float64 values that memo keeps in memory, and most the largest. asked counts the calls of recall.
	held, most, asked int
	threads           int
}

// New returns the model of canonical weights, exactly config.Params(). They are read later, so their checkpoint must stay open.
func New(config arch.Config, weights []tensor.Named) (*Model, error) {
	views, err := engine.Parameters(config, weights)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: config, views: make(map[string]tensor.View), tensors: make(map[string]*Tensor), threads: runtime.GOMAXPROCS(0)}
	elements := int64(0)
	for i, p := range config.Params() {
		m.views[p.Name] = views[i]
		n, err := p.Shape.Elements()
		if err != nil {
			return nil, err
		}
		elements += n
	}
	m.most = int(min(mostRemembered, max(leastRemembered, elements/4)))
	m.Forget()
	return m, nil
}

// SetThreads sets how many goroutines compute a product, and returns how many did before. At first they are as many as GOMAXPROCS.
func (m *Model) SetThreads(count int) (before int) {
	before, m.threads = m.threads, count
	return before
}

// Has reports whether the model has a parameter of that name.
func (m *Model) Has(name string) bool {
	_, found := m.views[name]
	return found
}

// Tensor returns a parameter. The error is that of reading it.
func (m *Model) Tensor(name string) (*Tensor, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if t := m.tensors[name]; t != nil {
		return t, nil
	}
	view, found := m.views[name]
	if !found {
		return nil, fmt.Errorf("no parameter %s", name)
	}
	var values []float64
	err := tensor.Guard(func() (err error) {
		values, err = tensor.Float64s(view)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", name, err)
	}
	t := NewTensor(view.Shape, values)
	t.own = true
	m.tensors[name] = t
	return t, nil
}

// Forget releases the products that were remembered, and the parameters whose names begin with one of the prefixes.
func (m *Model) Forget(prefixes ...string) {
	m.memo, m.held = make(map[any]*remembered), 0
	maps.DeleteFunc(m.tensors, func(name string, _ *Tensor) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	})
}

// Rows are the vectors of tokens, [Count, Width], row-major. They do not change.
type Rows struct {
	Values       []float64
	Count, Width int
}

// RowsOf returns the vectors in values, of that width.
func RowsOf(values []float64, width int) *Rows { return &Rows{values, len(values) / width, width} }

// Row returns vector i.
func (r *Rows) Row(i int) []float64 { return r.Values[i*r.Width : (i+1)*r.Width] }

// Pick returns the vectors with these indices.
func (r *Rows) Pick(indices []int) *Rows {
	picked := make([]float64, 0, len(indices)*r.Width)
	for _, i := range indices {
		picked = append(picked, r.Row(i)...)
	}
	return RowsOf(picked, r.Width)
}

// A Model remembers a quarter as many values as it has parameters, but at least 128 MiB of them and at most 1 GiB.
const leastRemembered, mostRemembered = 1 << 24, 1 << 27

// remembered is a result, how many values are kept in memory for it, and when it was last asked for.
type remembered struct {
	rows        *Rows
	keeps, last int
}

// remember returns what compute returns, from memory if it was called with that key before. The key keeps that many values in memory. When there are too many,
// it forgets those that nobody asked for longest: what belongs to the model as it is, which most versions need, stays.
func (m *Model) remember(key any, keeps int, compute func() (*Rows, error)) (*Rows, error) {
	m.mutex.Lock()
	rows := m.recall(key)
	m.mutex.Unlock()
	if rows != nil {
		return rows, nil
	}
	rows, err := compute()
	if err != nil {
		return nil, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if first := m.recall(key); first != nil { // another goroutine was faster
		return first, nil
	}
	if keeps += len(rows.Values); keeps > m.most {
		return rows, nil
	}
	if m.held+keeps > m.most {
		m.makeRoom(keeps)
	}
	m.memo[key] = &remembered{rows, keeps, m.asked}
	m.held += keeps
	return rows, nil
}

// recall returns what is remembered, or nil. The mutex is held.
func (m *Model) recall(key any) *Rows {
	m.asked++
	if r := m.memo[key]; r != nil {
		r.last = m.asked
		return r.rows
	}
	return nil
}

// makeRoom forgets what was not asked for longest, until half of the memory and what is needed are free.
func (m *Model) makeRoom(needed int) {
	keys := slices.SortedFunc(maps.Keys(m.memo), func(a, b any) int { return m.memo[a].last - m.memo[b].last })
	for _, key := range keys {
		if m.held <= m.most/2 && m.held+needed <= m.most {
			return
		}
		m.held -= m.memo[key].keeps
		delete(m.memo, key)
	}
}

// Version is a model with changes.
type Version struct {
	*Model
	Rules   Rules
	changed map[string]*Tensor
}

// Version returns the model as it is.
func (m *Model) Version() *Version { return &Version{Model: m} }

// Copy returns a version with the same changes, which can be changed further.
func (v *Version) Copy() *Version {
	return &Version{Model: v.Model, Rules: v.Rules, changed: maps.Clone(v.changed)}
}

// Tensor returns a parameter of the version.
func (v *Version) Tensor(name string) (*Tensor, error) {
	if t := v.changed[name]; t != nil {
		return t, nil
	}
	return v.Model.Tensor(name)
}

// Set replaces a parameter. Setting attn.k_bias, [C], which BEiT does not have, gives the keys of a block a bias.
func (v *Version) Set(name string, t *Tensor) {
	if v.changed == nil {
		v.changed = make(map[string]*Tensor)
	}
	v.changed[name] = t
}

// reader reads several tensors and keeps the first error.
type reader struct {
	version *Version
	prefix  string
	err     error
}

func (r *reader) tensor(name string) *Tensor {
	if r.err != nil {
		return nil
	}
	var t *Tensor
	t, r.err = r.version.Tensor(r.prefix + name)
	return t
}

// optional returns nil if the model does not have the parameter.
func (r *reader) optional(name string) *Tensor {
	full := r.prefix + name
	if r.version.changed[full] == nil && !r.version.Has(full) {
		return nil
	}
	return r.tensor(name)
}

// product returns x Wᵀ, [x.Count, out], without bias.
func (m *Model) product(ctx context.Context, x *Rows, w *Tensor, round func([]float64)) (*Rows, error) {
	if round != nil {
		return m.roundedProduct(ctx, x, w, round)
	}
	if w.base == nil {
		return m.remember([2]any{x, w}, len(x.Values)+w.held(), func() (*Rows, error) { return m.multiply(ctx, x, w) })
	}
	left := x
	if w.columns != nil {
		inverse := make([]int, len(w.columns))
		for to, from := range w.columns {
			inverse[from] = to
		}
		left = RowsOf(arrange(x.Values, x.Width, nil, inverse), x.Width)
	}
	out, err := m.product(ctx, left, w.base, nil)
	if err != nil || w.rows == nil {
		return out, err
	}
	return RowsOf(arrange(out.Values, out.Width, nil, w.rows), out.Width), nil
}

// roundedProduct rounds both factors.
func (m *Model) roundedProduct(ctx context.Context, x *Rows, w *Tensor, round func([]float64)) (*Rows, error) {
	return m.multiply(ctx, RowsOf(rounded(x.Values, round), x.Width), w.Map(func(values []float64) []float64 { return rounded(values, round) }))
}

func rounded(values []float64, round func([]float64)) []float64 {
	copied := append([]float64(nil), values...)
	round(copied)
	return copied
}
