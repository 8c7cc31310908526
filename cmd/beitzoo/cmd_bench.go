package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

func benchCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "measure how many images a second a model classifies here",
		ArgsUsage: "MODEL",
		Description: "--engine, --device, --dtype and --batch take several values, separated by commas; every combination is measured.\n" +
			"With --synth, MODEL is an architecture, which gets test weights.",
		Flags: flags(modelFlags(), engineFlags(), zooFlags(), []cli.Flag{
			&cli.IntSliceFlag{Name: "batch", Value: cli.NewIntSlice(1, 8), Usage: "images in one forward pass"},
			&cli.IntFlag{Name: "rounds", Value: 7, Usage: "measured forward passes"},
			&cli.IntFlag{Name: "warmup", Value: 2, Usage: "forward passes before those"},
			&cli.BoolFlag{Name: "synth", Usage: "take test weights of an architecture instead of a model"},
			&cli.BoolFlag{Name: "worker", Hidden: true},
		}),
		Action: func(ctx *cli.Context) error { return benchModel(c, ctx) },
	}
}

// benchRun is one combination of what the flags list, without the batch.
type benchRun struct {
	engine  engine.Engine
	options engine.Options
}

func benchModel(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "MODEL"); err != nil {
		return err
	}
	if ctx.Int("rounds") < 1 || ctx.Int("warmup") < 0 || slices.Min(ctx.IntSlice("batch")) < 1 {
		return &usageError{"--rounds and --batch must be positive, and --warmup not negative", "try --batch 1,8 --rounds 7"}
	}
	runs, err := benchRuns(ctx)
	if err != nil {
		return err
	}
	open := func() (*benchSubject, error) { return openBenchSubject(c, ctx) }
	if ctx.Bool("worker") {
		return serveBench(ctx.Context, c, runs[0], open, ctx.IntSlice("batch")[0])
	}
	bar := c.newProgress(ctx, "measuring")
	m := benchMeter{open: open, batches: ctx.IntSlice("batch"), warmUps: ctx.Int("warmup"), rounds: ctx.Int("rounds"), total: len(runs), progress: bar}
	all := []measurement{}
	for _, run := range runs {
		measured, err := m.measure(ctx.Context, run)
		if err != nil {
			bar.finish()
			return err
		}
		all = append(all, measured...)
	}
	bar.finish()
	if ctx.Bool("json") {
		return c.json(all)
	}
	printMeasurements(c, all)
	return nil
}

// benchRuns reads the flags that list engines, devices and dtypes, all of them before anything is measured.
func benchRuns(ctx *cli.Context) ([]benchRun, error) {
	var runs []benchRun
	for _, name := range strings.Split(ctx.String("engine"), ",") {
		for _, device := range strings.Split(ctx.String("device"), ",") {
			for _, dtype := range strings.Split(ctx.String("dtype"), ",") {
				run := benchRun{options: engine.Options{Device: device, Threads: ctx.Int("threads")}}
				var err error
				if run.engine, err = engineByName(name); err != nil {
					return nil, err
				}
				if run.options.DType, err = parseDType(dtype); err != nil {
					return nil, err
				}
				if run.options.DType == tensor.Invalid {
					run.options.DType = tensor.F32
				}
				if device == "" {
					run.options.Device = "cpu"
				}
				runs = append(runs, run)
			}
		}
	}
	return runs, nil
}

func printMeasurements(c *console, all []measurement) {
	c.printf("%-8s %-7s %-5s %5s %10s %11s %24s %9s", "engine", "device", "dtype", "batch", "images/s", "median", "fastest and slowest", "memory")
	for _, m := range all {
		memory := "?"
		if m.Memory > 0 {
			memory = fmt.Sprintf("%.0f MB", float64(m.Memory)/1e6)
		}
		c.printf("%-8s %-7s %-5s %5d %10.2f %8.1f ms %9.1f to %8.1f ms %9s",
			m.Engine, m.Device, m.DType, m.Batch, m.PerSecond, 1e3*m.Median, 1e3*m.Fastest, 1e3*m.Slowest, memory)
	}
}
