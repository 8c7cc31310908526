package finetune

import (
	"context"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// Pictures are pictures whose classes are known, as a training sees them. The methods may be called from several goroutines.
type Pictures interface {
	// Len returns how many there are.
	Len() int
	// Picture writes a picture to pixels, [Channels, Height, Width], normalised and as it is to be seen in that epoch, from 0 on, and returns its class. For the
	// same index and epoch it always writes the same.
	Picture(ctx context.Context, epoch, index int, pixels []float32) (class int, err error)
}

// Mixer mixes pictures of a batch with each other, [N, Channels, Height, Width], in place, and returns what the model should say of them then, [N, Classes], label
// smoothing included; nil if it leaves the batch as it is. batch is its number in the epoch. For the same epoch and batch it always does the same.
type Mixer func(epoch, batch int, pixels []float32, classes []int) (targets []float64)

// feed makes the batches of steps, one ahead of the one that is computed.
type feed struct {
	plan     *Plan
	pictures Pictures
	mix      Mixer
	batches  chan fed
}

// fed is a batch, or why it could not be made.
type fed struct {
	engine.Batch
	err error
}

// run makes the batches from a step on, until the last or the end of ctx.
func (f *feed) run(ctx context.Context, step int) {
	defer close(f.batches)
	var order []int
	for epoch := -1; step < f.plan.Steps; step++ {
		if now := step / f.plan.PerEpoch; now != epoch {
			epoch = now
			order = f.plan.Order(epoch)
		}
		size, first := f.plan.Settings.Batch, step%f.plan.PerEpoch*f.plan.Settings.Batch
		batch, err := f.batch(ctx, step, epoch, order[first:first+size])
		select {
		case f.batches <- fed{batch, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// batch makes the batch of a step of these pictures.
func (f *feed) batch(ctx context.Context, step, epoch int, indices []int) (engine.Batch, error) {
	config, s := f.plan.Config, f.plan.Settings
	one := config.Channels * config.ImageHeight * config.ImageWidth
	b := engine.Batch{Pixels: make([]float32, len(indices)*one), Paths: f.plan.Paths(step), Share: 1}
	classes := make([]int, len(indices))
	errs := make([]error, len(indices))
	err := parallel.Until(ctx, runtime.GOMAXPROCS(0), len(indices), func(_, i int) {
		classes[i], errs[i] = f.pictures.Picture(ctx, epoch, indices[i], b.Pixels[i*one:(i+1)*one])
	})
	if err != nil {
		return b, err
	}
	for _, err := range errs { // the first of the batch, whoever came first
		if err != nil {
			return b, &pictureError{err}
		}
	}
	if f.mix != nil {
		b.Targets = f.mix(epoch, step%f.plan.PerEpoch, b.Pixels, classes)
	}
	if b.Targets == nil {
		b.Targets = s.Targets(classes, config.Classes)
	}
	return b, nil
}

// Targets returns the probabilities that the classes of pictures should get, [N, count], with label smoothing.
func (s Settings) Targets(classes []int, count int) []float64 {
	all := make([]float64, len(classes)*count)
	for i := range all {
		all[i] = s.Smoothing / float64(count)
	}
	for i, class := range classes {
		all[i*count+class] += 1 - s.Smoothing
	}
	return all
}

// parts cuts a batch into parts of the size that the settings say.
func (p *Plan) parts(batch engine.Batch) (all []engine.Batch) {
	size, classes := p.Settings.Batch, p.Config.Classes
	one := len(batch.Pixels) / size
	part := p.Settings.Part
	if part == 0 {
		part = size
	}
	for from := 0; from < size; from += part {
		to := min(size, from+part)
		b := engine.Batch{Pixels: batch.Pixels[from*one : to*one], Targets: batch.Targets[from*classes : to*classes], Share: float64(to-from) / float64(size)}
		for branch := 0; branch < len(batch.Paths); branch += size {
			b.Paths = append(b.Paths, batch.Paths[branch+from:branch+to]...)
		}
		all = append(all, b)
	}
	return all
}
