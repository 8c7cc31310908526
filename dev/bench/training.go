package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/measure"
)

// What the section "training" trains.
const (
	trained        = "beit_base_p16_224"
	trainedImages  = 8
	trainedThreads = 2
)

// benchTraining interleaves training steps of timm's BEiT in torch, with both forms of AdamW that torch has for a CPU, and of the torch engine.
func benchTraining(ctx context.Context, b *bench) error {
	if b.torch == "" || b.python == "" {
		fmt.Println("left out: it needs a build with libtorch (make libtorch) and Python (make interop)")
		return nil
	}
	c := &comparison{bench: b}
	config, err := arch.ByName(trained)
	if err != nil {
		return err
	}
	if err := c.weights(ctx, trained); err != nil {
		return err
	}
	defer c.drop(trained)
	images, err := c.images(config, trainedImages)
	if err != nil {
		return err
	}
	weights, batch, threads := c.file(trained+".safetensors"), strconv.Itoa(trainedImages), strconv.Itoa(trainedThreads)
	beitzoo := &worker{name: "beitzoo", request: "train", command: []string{
		c.torch, "bench", weights, "--arch", trained, "--worker", "--engine", "torch", "--batch", batch, "--threads", threads,
	}}
	workers := []*worker{beitzoo}
	for _, kind := range []string{"plain", "fused"} {
		workers = append(workers, &worker{name: "timm, AdamW " + kind, request: "train", command: []string{
			c.python, "-W", "ignore", "dev/bench/training_peer.py", kind, timmName(trained), weights, images, batch, threads,
		}})
	}
	fmt.Printf("Training steps of %s: forward, backward and AdamW, %d images, float32, CPU, %d threads, same weights, images and loss; the losses of all steps agree.\n\n",
		trained, trainedImages, trainedThreads)
	if err := interleave(ctx, workers, 2*c.rounds, warmUp, pause); err != nil {
		return err
	}
	if err := sameLosses(workers); err != nil {
		return err
	}
	printTraining(workers)
	return nil
}

// warmUp asks for two steps: the second is the first with all memory that a step needs.
func warmUp(workers []*worker) error {
	for range 2 {
		for _, w := range workers {
			if _, err := w.ask(w.request); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameLosses returns an error unless all workers had the losses of the first, step by step.
func sameLosses(workers []*worker) error {
	for _, w := range workers {
		for step, answer := range w.answers {
			want := workers[0].answers[step][1]
			if !(math.Abs(answer[1]-want) <= dtypes[0].agreement*want) {
				return fmt.Errorf("%s has the loss %g in step %d, and %s has %g", w.name, answer[1], step+1, workers[0].name, want)
			}
		}
	}
	return nil
}

// printTraining prints times and memory, and of the first worker the ratios by rounds to each other one.
func printTraining(workers []*worker) {
	first := workers[0]
	fmt.Println("| what | rounds | median | min | max | beitzoo / it: median | min | max | peak memory | beitzoo / it |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, w := range workers {
		seconds := w.column(0)
		ratios := ratios(first.column(0), seconds)
		fmt.Printf("| %s | %d | %.3f s | %.3f s | %.3f s | %.3f | %.3f | %.3f | %.0f MB | %.3f |\n", w.name, len(w.answers), w.median(), slices.Min(seconds), slices.Max(seconds),
			measure.Median(ratios), slices.Min(ratios), slices.Max(ratios), float64(w.peak)/1e6, float64(first.peak)/float64(w.peak))
	}
}
