package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/finetune"
)

// benchTraining trains one batch again and again.
type benchTraining struct {
	learner engine.Learner
	batch   engine.Batch
	plan    *finetune.Plan
	steps   int
}

// newTraining loads the model to train it. All parameters have the same rate and decay, which is what a plain torch.optim.AdamW does.
func (s *benchServer) newTraining(ctx context.Context) (_ *benchTraining, err error) {
	trainer, able := s.run.engine.(engine.Trainer)
	if !able {
		return nil, &usageError{fmt.Sprintf("the %s engine does not train", s.run.engine.Name()), "the torch engine does"}
	}
	subject, err := s.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, subject.close()) }()
	config, settings := subject.config, finetune.Defaults()
	if err := s.run.checkBatch(config); err != nil {
		return nil, err
	}
	settings.Batch, settings.Rate, settings.LayerDecay, settings.WarmupEpochs = s.run.options.Batch, 1e-4, 1, 0
	settings.Schedule, settings.LeastRate = finetune.Unilm, settings.Rate // the same in all steps
	t := &benchTraining{}
	if t.plan, err = finetune.NewPlan(settings, config, s.run.options.Batch); err != nil {
		return nil, err
	}
	classes := make([]int, s.run.options.Batch)
	for i := range classes {
		classes[i] = 37 * i % config.Classes
	}
	t.batch = engine.Batch{Pixels: benchInput(config, s.run.options.Batch).Pixels, Targets: settings.Targets(classes, config.Classes), Share: 1}
	options := s.run.options
	t.learner, err = trainer.Train(ctx, config, subject.weights, engine.TrainOptions{DType: options.DType, Device: options.Device, Threads: options.Threads})
	return t, err
}

// train returns the seconds of a training step, forward, backward and AdamW, and the loss before it.
func (s *benchServer) train(ctx context.Context) (_ []float64, err error) {
	if s.training == nil {
		if s.training, err = s.newTraining(ctx); err != nil {
			return nil, err
		}
	}
	t, start := s.training, time.Now()
	loss, err := t.learner.Backward(ctx, t.batch)
	if err != nil {
		return nil, err
	}
	if _, err := t.learner.Update(ctx, t.plan.Update(t.steps)); err != nil {
		return nil, err
	}
	t.steps++
	return []float64{time.Since(start).Seconds(), loss}, nil
}
