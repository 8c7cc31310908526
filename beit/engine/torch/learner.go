//go:build libtorch

package torch

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

var _ engine.Trainer = Engine{}

// variable is a parameter in training.
type variable struct {
	param arch.Param
	// at is its place in arch.Config.Params.
	at int
	// leaf is the parameter. The others are absent if it is frozen; average also if none is kept.
	leaf, first, second, average value
	// gradient waits for an update; absent if there is none.
	gradient value
	frozen   bool
}

// learner is a model in training. Everything in it is used on its thread only.
type learner struct {
	// machine has the dtype of the parameters, and owns them and what belongs to them.
	machine
	config    arch.Config
	options   engine.TrainOptions
	thread    *thread
	variables []*variable
	leaves    leaves
	// waiting owns the gradients.
	waiting scope
}

// Train implements [engine.Trainer]. On the CPU two trainings with the same numbers and threads give the same bits.
func (Engine) Train(ctx context.Context, config arch.Config, weights []tensor.Named, options engine.TrainOptions) (engine.Learner, error) {
	views, err := engine.Parameters(config, weights)
	if err != nil {
		return nil, err
	}
	l := &learner{config: config, options: options}
	if err := l.choose(); err != nil {
		return nil, err
	}
	l.thread = newThread(l.threads)
	if err := l.thread.do(ctx, func() error { return l.load(ctx, views) }); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// CheckTrain implements [engine.Trainer].
func (Engine) CheckTrain(config arch.Config, options engine.TrainOptions) error {
	l := &learner{config: config, options: options}
	return l.choose()
}

// choose checks the options, and lists the variables.
func (l *learner) choose() (err error) {
	if !l.config.Classifies() {
		return &engine.TrainError{
			Reason: "only classifiers are trained, and the model is none", Advice: "give it a head: convert --classes N makes a classifier of a masked model or an encoder",
		}
	}
	if l.device, err = parseDevice(l.options.Device); err != nil {
		return err
	}
	computes, err := parseDType(l.options.DType)
	if err != nil {
		return err
	}
	if computes == float16 {
		return &engine.DTypeError{Engine: Engine{}.Name(), DType: tensor.F16, Reason: "gradients in it are rounded to 0; train in BF16 or F32"}
	}
	if l.device == cpu && !supported(computes) {
		return &engine.DTypeError{Engine: Engine{}.Name(), DType: l.options.DType, Reason: "this libtorch does not compute in it on the CPU", Newer: true}
	}
	l.dtype, l.leaves.half = computes.atLeastFloat32(), computes == bfloat16
	l.threads = cmp.Or(max(l.options.Threads, 0), runtime.GOMAXPROCS(0))
	frozen := map[string]bool{}
	for _, name := range l.options.Frozen {
		frozen[name] = true
	}
	learns := false
	for i, param := range l.config.Params() {
		v := &variable{param: param, at: i, frozen: frozen[param.Name]}
		delete(frozen, param.Name)
		learns = learns || !v.frozen
		l.variables = append(l.variables, v)
	}
	for name := range frozen {
		return &engine.TrainError{Reason: fmt.Sprintf("the model has no parameter %s to freeze", text.Name(name))}
	}
	if !learns {
		return &engine.TrainError{Reason: "all parameters are frozen", Advice: "leave the head to be trained at least"}
	}
	return nil
}

// load copies all parameters to the device, and makes what the optimiser remembers.
func (l *learner) load(ctx context.Context, views []tensor.View) error {
	read := &loader{ctx: ctx, scope: &l.weights, config: l.config, views: map[string]tensor.View{}, device: l.device, dtype: l.dtype}
	for i, v := range l.variables {
		read.views[v.param.Name] = views[i]
	}
	l.leaves.values = map[string]value{}
	return read.withBuffer(func() {
		s := &l.weights
		for _, v := range l.variables {
			l.place(v, read.parameter(v.param.Name))
			if v.frozen {
				continue
			}
			shape := sizes(v.param.Shape)
			v.first, v.second = s.zeros(l.device, l.dtype, shape...), s.zeros(l.device, l.dtype, shape...)
			if l.options.Average {
				v.average = s.copyTo(v.leaf, l.device, l.dtype)
			}
		}
		if l.config.Bias != arch.NoBias {
			l.leaves.index = l.index(s)
		}
	})
}

// place makes x, of the learner's scope, the parameter.
func (l *learner) place(v *variable, x value) {
	leaf := l.weights.asLeaf(x, !v.frozen)
	l.weights.free(x)
	if v.leaf != (value{}) {
		l.weights.free(v.leaf)
	}
	v.leaf = leaf
	l.leaves.values[v.param.Name] = leaf
}

// index returns where the elements of the bias matrix are in the table.
func (l *learner) index(s *scope) value {
	return s.keep(func(s *scope) value {
		places := arch.RelativePositionIndex(l.config.Window())
		if l.device == cpu {
			return s.longs(places, 1, int64(len(places)))
		}
		return s.copyTo(s.longs(places, int64(len(places))), l.device, int64s)
	})
}

// sizes returns the dimensions of a shape.
func sizes(shape tensor.Shape) []int64 {
	out := make([]int64, len(shape))
	for i, n := range shape {
		out[i] = int64(n)
	}
	return out
}

// Close frees all that was learnt and ends the thread.
func (l *learner) Close() error {
	l.thread.closeAfter(func() { l.forget(); l.weights.close() })
	return nil
}

// forget drops the gradients that wait.
func (l *learner) forget() {
	l.waiting.close()
	for _, v := range l.variables {
		v.gradient = value{}
	}
}

// run runs a part of a step on the learner's thread, with a scope of its own, and returns its first error. After an error no gradients wait.
func (l *learner) run(part func(s *scope)) error {
	return l.thread.compute(context.Background(), func(s *scope) {
		if part(s); s.err != nil {
			l.forget()
		}
	})
}

// Backward implements [engine.Learner].
func (l *learner) Backward(ctx context.Context, batch engine.Batch) (loss float64, err error) {
	images, err := engine.CheckBatch(l.config, batch)
	if err != nil {
		return 0, cmp.Or(l.run(func(*scope) { l.forget() }), err)
	}
	err = l.run(func(s *scope) { loss = l.newGraph(ctx, s, batch, images).backward(s) })
	return loss, err
}

// Read implements [engine.Learner].
func (l *learner) Read(use func(engine.Memory) error) error {
	// copies has what is not in the CPU's memory.
	copies := &scope{}
	var memory engine.Memory
	err := l.thread.do(context.Background(), func() error {
		for _, v := range l.variables {
			for _, part := range []struct {
				list *[]tensor.Named
				from value
			}{{&memory.Parameters, v.leaf}, {&memory.First, v.first}, {&memory.Second, v.second}, {&memory.Average, v.average}} {
				if part.from != (value{}) {
					*part.list = append(*part.list, l.named(copies, v, part.from))
				}
			}
		}
		return copies.err
	})
	defer l.thread.do(context.Background(), func() error { copies.close(); return nil })
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(l)
	return use(memory)
}

// named returns the memory of a tensor that belongs to a variable.
func (l *learner) named(copies *scope, v *variable, x value) tensor.Named {
	if l.device != cpu {
		x = copies.copyTo(x, cpu, l.dtype)
	}
	dtype := tensor.F32
	if l.dtype == float64s {
		dtype = tensor.F64
	}
	view := tensor.View{DType: dtype, Shape: slices.Clone(v.param.Shape)}
	size, err := view.Size()
	copies.fail(err)
	view.Data = tensor.Memory(copies.bytes(x, int(size)))
	return tensor.Named{Name: v.param.Name, View: view}
}

// Restore implements [engine.Learner].
func (l *learner) Restore(ctx context.Context, memory engine.Memory) error {
	for _, list := range []struct {
		named []tensor.Named
		put   func(v *variable, x value)
	}{
		{memory.Parameters, l.place},
		{memory.First, func(v *variable, x value) { v.first = l.weights.replace(v.first, x) }},
		{memory.Second, func(v *variable, x value) { v.second = l.weights.replace(v.second, x) }},
		{memory.Average, func(v *variable, x value) { v.average = l.weights.replace(v.average, x) }},
	} {
		if err := l.restore(ctx, list.named, list.put); err != nil {
			return err
		}
	}
	return nil
}

func (l *learner) restore(ctx context.Context, named []tensor.Named, put func(v *variable, x value)) error {
	views := map[string]tensor.View{}
	for _, n := range named {
		views[n.Name] = n.View
	}
	return l.thread.do(context.Background(), func() error {
		read := &loader{ctx: ctx, scope: &l.weights, config: l.config, views: views, device: l.device, dtype: l.dtype}
		err := read.withBuffer(func() {
			for _, v := range l.variables {
				if view, held := views[v.param.Name]; !held {
					continue
				} else if !view.Shape.Equal(v.param.Shape) || !view.DType.IsFloat() {
					l.weights.fail(&engine.ParametersError{Ill: []string{fmt.Sprintf("%s is %s %s, not %s", v.param.Name, view.DType, view.Shape, v.param.Shape)}})
				}
				if x := read.parameter(v.param.Name); l.weights.err == nil {
					put(v, x)
				}
			}
		})
		return cmp.Or(err, l.weights.reset())
	})
}
