package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/internal/measure"
	"github.com/beitzoo/beitzoo/tensor"
)

// measurement is a part of what `beitzoo bench --json` prints. Times are in seconds and of one forward pass of the batch.
type measurement struct {
	Engine    string  `json:"engine"`
	Device    string  `json:"device"`
	DType     string  `json:"dtype"`
	Threads   int     `json:"threads"`
	Batch     int     `json:"batch"`
	Rounds    int     `json:"rounds"`
	Load      float64 `json:"load_seconds"`
	Median    float64 `json:"median_seconds"`
	Fastest   float64 `json:"min_seconds"`
	Slowest   float64 `json:"max_seconds"`
	PerSecond float64 `json:"images_per_second"`
	// Memory is the largest resident memory of the process, weights included, while this batch size was run, in bytes; 0 if the system does not
	// report it. Memory of a GPU is not included.
	Memory int64 `json:"peak_resident_bytes"`
}

// benchSubject is what is measured.
type benchSubject struct {
	config  arch.Config
	weights []tensor.Named
	close   func() error
}

// openBenchSubject returns the weights of a model, or test weights.
func openBenchSubject(ctx context.Context, c *console, argument string, f benchFlags) (*benchSubject, error) {
	if f.synth {
		config, err := readArchitecture(argument)
		if err != nil {
			return nil, err
		}
		return &benchSubject{config, synth.Weights(config, 0), func() error { return nil }}, nil
	}
	model, err := openModel(ctx, c, argument, f.model, f.zoo)
	if err != nil {
		return nil, err
	}
	return &benchSubject{model.Config, model.Tensors, model.Close}, nil
}

// load opens the weights and loads them, and returns how long both took. The weights are not kept.
func (r benchRun) load(ctx context.Context, open func() (*benchSubject, error)) (engine.Model, arch.Config, time.Duration, error) {
	start := time.Now()
	subject, err := open()
	if err != nil {
		return nil, arch.Config{}, 0, err
	}
	model, err := r.engine.Load(ctx, subject.config, subject.weights, r.options)
	took := time.Since(start)
	if closing := subject.close(); err == nil && closing != nil {
		model.Close()
		err = closing
	}
	return model, subject.config, took, err
}

// benchMeter measures one run after another; its fields are what all runs share.
type benchMeter struct {
	open            func() (*benchSubject, error)
	batches         []int
	warmUps, rounds int
	// total is the number of runs, done the number of forward passes so far.
	total, done int
	progress    *progress
}

// measure measures each batch size, with a model that is loaded for it.
func (b *benchMeter) measure(ctx context.Context, run benchRun) ([]measurement, error) {
	var all []measurement
	for _, batch := range b.batches {
		run.options.Batch = batch
		seconds, load, err := b.loadAndMeasure(ctx, run)
		if err != nil {
			return nil, err
		}
		slices.Sort(seconds)
		m := measurement{
			Engine: run.engine.Name(), Device: run.options.Device, DType: run.options.DType.String(), Threads: run.options.Threads, Batch: batch,
			Rounds: len(seconds), Load: load.Seconds(), Median: measure.Median(seconds), Fastest: seconds[0], Slowest: seconds[len(seconds)-1],
			Memory: measure.Memory(measure.Self, measure.Peak),
		}
		m.PerSecond = float64(batch) / m.Median
		all = append(all, m)
	}
	return all, nil
}

// loadAndMeasure returns the seconds of each measured forward pass, and how long it took to load the model. The peak of memory is that of the passes.
func (b *benchMeter) loadAndMeasure(ctx context.Context, run benchRun) ([]float64, time.Duration, error) {
	model, config, load, err := run.load(ctx, b.open)
	if err != nil {
		return nil, 0, err
	}
	defer model.Close()
	debug.FreeOSMemory()
	measure.ResetPeak()
	seconds, err := b.passes(ctx, model, config, run)
	if err != nil {
		return nil, 0, fmt.Errorf("a batch of %d in %s: %w", run.options.Batch, run.options.DType, err)
	}
	return seconds, load, nil
}

// unknownMemory is the limit for a batch where the system does not say how much memory is free.
const unknownMemory = 1 << 40

// checkBatch returns an error if the batch needs more memory than the machine has: a Go program that asks for too much is ended by its runtime. The images
// and two activations are in memory as a whole, whatever the engine.
func (r benchRun) checkBatch(config arch.Config) error {
	batch, dtype := r.options.Batch, r.options.DType
	one := 4*3*float64(config.ImageHeight)*float64(config.ImageWidth) + 2*float64(max(4, dtype.Size()))*float64(config.Tokens())*float64(config.EmbedDim)
	needed, free := one*float64(batch), float64(cmp.Or(measure.Available(), unknownMemory))
	if needed <= free {
		return nil
	}
	return &usageError{
		fmt.Sprintf("%d images need at least %s of memory, and %s are free", batch, humanize.Bytes(uint64(min(needed, 1e18))), humanize.Bytes(uint64(free))),
		fmt.Sprintf("give a smaller --batch, at most %.0f here", free/one),
	}
}

// passes returns the seconds of each measured forward pass.
func (b *benchMeter) passes(ctx context.Context, model engine.Model, config arch.Config, run benchRun) ([]float64, error) {
	if err := run.checkBatch(config); err != nil {
		return nil, err
	}
	input := benchInput(config, run.options.Batch)
	var seconds []float64
	for round := range b.warmUps + b.rounds {
		start := time.Now()
		if _, err := model.Forward(ctx, input, nil); err != nil {
			return nil, err
		}
		if round >= b.warmUps {
			seconds = append(seconds, time.Since(start).Seconds())
		}
		b.done++
		b.progress.set(int64(b.done), int64(b.total*len(b.batches)*(b.warmUps+b.rounds)))
	}
	return seconds, nil
}

// benchInput returns a batch of probe images, or of visual tokens for the decoder of a dVAE.
func benchInput(config arch.Config, batch int) engine.Input {
	if config.Kind != arch.DVAEDecoder {
		return engine.Input{Pixels: synth.Images(batch, config, 0)}
	}
	var input engine.Input
	for i := range batch * config.Patches() {
		input.Tokens = append(input.Tokens, int32(i%config.Classes))
	}
	return input
}
