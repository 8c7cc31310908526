package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert/synth"
	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
	"github.com/beitzoo/beitzoo/zoo/engine"
)

// measurement is a line of what `beitzoo bench --json` prints. Times are in seconds and of one forward pass of the batch.
type measurement struct {
	Engine    string  `json:"engine"`
	Device    string  `json:"device"`
	DType     string  `json:"dtype"`
	Batch     int     `json:"batch"`
	Rounds    int     `json:"rounds"`
	Load      float64 `json:"load_seconds"`
	Median    float64 `json:"median_seconds"`
	Fastest   float64 `json:"min_seconds"`
	Slowest   float64 `json:"max_seconds"`
	PerSecond float64 `json:"images_per_second"`
	// Memory is the largest resident memory of the process so far, in bytes; 0 where the system does not tell.
	Memory int64 `json:"peak_resident_bytes"`
}

func benchCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:        "bench",
		Usage:       "measure how many images a second a model classifies here",
		ArgsUsage:   "MODEL",
		Description: "Several batch sizes and dtypes may be given, separated by commas. With --synth, MODEL is an architecture with test weights.",
		Flags: flags(modelFlags(), engineFlags(), zooFlags(), []cli.Flag{
			&cli.IntSliceFlag{Name: "batch", Value: cli.NewIntSlice(1, 8), Usage: "images in one forward pass"},
			&cli.IntFlag{Name: "rounds", Value: 7, Usage: "measured forward passes, after two to warm up"},
			&cli.BoolFlag{Name: "worker", Hidden: true},
			&cli.BoolFlag{Name: "synth", Usage: "take test weights of an architecture instead of a model"},
		}),
		Action: func(ctx *cli.Context) error { return benchModel(c, ctx) },
	}
}

func benchModel(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "MODEL"); err != nil {
		return err
	}
	if ctx.Int("rounds") < 1 || slices.Min(ctx.IntSlice("batch")) < 1 {
		return &usageError{"--rounds and --batch must be positive", "try --batch 1,8 --rounds 7"}
	}
	config, weights, done, err := benchSubject(c, ctx)
	if err != nil {
		return err
	}
	defer done()
	words := strings.Split(ctx.String("dtype"), ",")
	var all []measurement
	for _, word := range words {
		if err := ctx.Set("dtype", word); err != nil {
			return err
		}
		runner, options, err := chooseEngine(ctx)
		if err != nil {
			return err
		}
		if ctx.Bool("worker") {
			return benchWorker(c, ctx, runner, options, config, weights)
		}
		measured, err := benchDType(ctx, runner, options, config, weights)
		if err != nil {
			return err
		}
		all = append(all, measured...)
	}
	if ctx.Bool("json") {
		return c.json(all)
	}
	c.printf("%-8s %-6s %-5s %5s %10s %10s %22s %9s", "engine", "device", "dtype", "batch", "images/s", "median", "fastest and slowest", "memory")
	for _, m := range all {
		c.printf("%-8s %-6s %-5s %5d %10.2f %8.1f ms %9.1f to %7.1f ms %6.0f MB",
			m.Engine, m.Device, m.DType, m.Batch, m.PerSecond, 1e3*m.Median, 1e3*m.Fastest, 1e3*m.Slowest, float64(m.Memory)/1e6)
	}
	return nil
}

// benchWorker serves a benchmark of several programs.
func benchWorker(c *console, ctx *cli.Context, runner engine.Engine, options engine.Options, config arch.Config, weights []tensor.Named) error {
	model, err := runner.Load(ctx.Context, config, weights, options)
	if err != nil {
		return err
	}
	defer model.Close()
	return work(ctx.Context, c, model, config, ctx.IntSlice("batch")[0])
}

// benchSubject gives the weights of a model, or those of the recipe.
func benchSubject(c *console, ctx *cli.Context) (arch.Config, []tensor.Named, func(), error) {
	if ctx.Bool("synth") {
		config, err := readArchitecture(ctx.Args().First())
		return config, synth.Weights(config, 0), func() {}, err
	}
	model, err := openModel(c, ctx, ctx.Args().First())
	if err != nil {
		return arch.Config{}, nil, nil, err
	}
	return model.Config, model.Tensors, func() { model.Close() }, nil
}

// benchDType loads the model once and measures each batch size.
func benchDType(ctx *cli.Context, runner engine.Engine, options engine.Options, config arch.Config, weights []tensor.Named) ([]measurement, error) {
	start := time.Now()
	model, err := runner.Load(ctx.Context, config, weights, options)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	load := time.Since(start).Seconds()
	var all []measurement
	for _, batch := range ctx.IntSlice("batch") {
		seconds, err := benchBatch(ctx.Context, model, config, batch, ctx.Int("rounds"))
		if err != nil {
			return nil, err
		}
		slices.Sort(seconds)
		m := measurement{
			Engine: runner.Name(), Device: options.Device, DType: options.DType.String(), Batch: batch, Rounds: len(seconds), Load: load,
			Median: seconds[len(seconds)/2], Fastest: seconds[0], Slowest: seconds[len(seconds)-1], Memory: peakMemory(),
		}
		if m.Device == "" {
			m.Device = "cpu"
		}
		if options.DType == tensor.Invalid {
			m.DType = tensor.F32.String()
		}
		m.PerSecond = float64(batch) / m.Median
		all = append(all, m)
	}
	return all, nil
}

// warmUps are forward passes that are not measured: the first ones allocate and choose kernels.
const warmUps = 2

func benchBatch(ctx context.Context, model engine.Model, config arch.Config, batch, rounds int) ([]float64, error) {
	input := engine.Input{Pixels: synth.Images(batch, config.ImageHeight, config.ImageWidth, 0)}
	var seconds []float64
	for round := range warmUps + rounds {
		start := time.Now()
		if _, err := model.Forward(ctx, input, nil); err != nil {
			return nil, fmt.Errorf("a batch of %d: %w", batch, err)
		}
		if round >= warmUps {
			seconds = append(seconds, time.Since(start).Seconds())
		}
	}
	return seconds, nil
}
