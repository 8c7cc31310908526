package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// benchServer prints "ready", and then answers each request on standard input, a word a line, with a line of numbers. A benchmark of several
// programs starts them once and asks them in turn, so their start is not measured.
type benchServer struct {
	run  benchRun
	open func() (*benchSubject, error)
	// model and input are set by the first request that needs them, and so is training.
	model    engine.Model
	input    engine.Input
	training *benchTraining
}

func serveBench(ctx context.Context, c *console, run benchRun, open func() (*benchSubject, error)) error {
	s := &benchServer{run: run, open: open}
	defer func() {
		if s.model != nil {
			s.model.Close()
		}
		if s.training != nil {
			s.training.learner.Close()
		}
	}()
	requests := map[string]func(context.Context) ([]float64, error){
		"forward": s.forward, "logits": s.logits, "load": s.load, "products": s.products, "train": s.train,
	}
	c.printf("ready")
	for lines := bufio.NewScanner(c.in); lines.Scan(); {
		answer, known := requests[lines.Text()]
		if !known {
			return &usageError{fmt.Sprintf("unknown request %q", lines.Text()), "requests are forward, logits, load, products and train"}
		}
		numbers, err := answer(ctx)
		if err != nil {
			return err
		}
		for i, number := range numbers {
			if i > 0 {
				fmt.Fprint(c.out, " ")
			}
			fmt.Fprint(c.out, number)
		}
		c.printf("")
	}
	return ctx.Err()
}

// prepare loads the model and warms it up, unless that is done.
func (s *benchServer) prepare(ctx context.Context) error {
	if s.model != nil {
		return nil
	}
	model, config, _, err := s.run.load(ctx, s.open)
	if err != nil {
		return err
	}
	if err := s.run.checkBatch(config); err != nil {
		return errors.Join(err, model.Close())
	}
	s.model, s.input = model, benchInput(config, s.run.options.Batch)
	for range 2 {
		if _, err := model.Forward(ctx, s.input, nil); err != nil {
			return err
		}
	}
	return nil
}

// forward returns the seconds of one forward pass.
func (s *benchServer) forward(ctx context.Context) ([]float64, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	_, err := s.model.Forward(ctx, s.input, nil)
	return []float64{time.Since(start).Seconds()}, err
}

// logits returns the logits of all images, one image after another.
func (s *benchServer) logits(ctx context.Context) ([]float64, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	result, err := s.model.Forward(ctx, s.input, nil)
	return result.Values, err
}

// load returns the seconds of opening and loading the model once more.
func (s *benchServer) load(ctx context.Context) ([]float64, error) {
	model, _, took, err := s.run.load(ctx, s.open)
	if err != nil {
		return nil, err
	}
	return []float64{took.Seconds()}, model.Close()
}

// products returns the rate of products of matrices as the engine's layers compute them, in operations a second.
func (s *benchServer) products(ctx context.Context) ([]float64, error) {
	type rater interface {
		ProductRate(ctx context.Context, size int, options engine.Options, atLeast time.Duration) (float64, error)
	}
	rate, err := s.run.engine.(rater).ProductRate(ctx, 2048, s.run.options, 200*time.Millisecond)
	return []float64{rate}, err
}
