package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	model          modelFlags
	engine         engineFlags
	zoo            zooFlags
	batches        cli.IntSlice
	rounds, warmUp int
	synth, worker  bool
}

func benchCommand(c *console) *cli.Command {
	f := benchFlags{rounds: 7}
	return &cli.Command{
		Name:      "bench",
		Usage:     "measure how many images a second a model classifies here",
		ArgsUsage: "MODEL",
		Description: about("Times are of one forward pass, the median of all rounds. --engine, --device, --dtype and --batch take several values, separated by commas;\n"+
			"every combination is measured. With --synth, MODEL is an architecture, which gets test weights.",
			"beitzoo bench beit_base_p16_224 --synth --engine native --batch 1,8",
			"beitzoo bench model.pth --device cpu,cuda --dtype f32,bf16",
		),
		Flags: c.flags([]cli.Flag{
			&cli.IntSliceFlag{
				Name: "batch", Value: cli.NewIntSlice(1, 8), Destination: &f.batches,
				Usage:  "put `N` images through in one forward pass; several numbers are separated by commas",
				Action: positiveEach("--batch"),
			},
			countFlag("rounds", &f.rounds, "", "measure `N` forward passes"),
			&cli.IntFlag{Name: "warmup", Value: 2, Destination: &f.warmUp, Usage: "first do `N` forward passes that are not measured", Action: notNegative("warmup")},
			boolFlag("synth", &f.synth, "take test weights of an architecture instead of a model"),
			&cli.BoolFlag{Name: "worker", Destination: &f.worker, Hidden: true, DisableDefaultText: true, Usage: "answer requests on standard input, for benchmarks of several programs"},
		}, f.model.flags(), f.engine.lists(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return benchModel(ctx, c, args[0], f) }),
	}
}

// benchResult is what `beitzoo bench --json` prints.
type benchResult struct {
	Measurements []measurement `json:"measurements"`
}

// benchRun is one combination of what the flags list. benchRuns leaves the batch to those who run it.
type benchRun struct {
	engine  engine.Engine
	options engine.Options
}

func benchModel(ctx context.Context, c *console, argument string, f benchFlags) error {
	runs, err := f.engine.benchRuns()
	if err != nil {
		return err
	}
	open := func() (*benchSubject, error) { return openBenchSubject(ctx, c, argument, f) }
	batches := f.batches.Value()
	if f.worker {
		runs[0].options.Batch = batches[0]
		return serveBench(ctx, c, runs[0], open)
	}
	bar := c.newCount("measuring", inPasses)
	m := benchMeter{open: open, batches: batches, warmUps: f.warmUp, rounds: f.rounds, total: len(runs), progress: bar}
	all := []measurement{}
	for _, run := range runs {
		measured, err := m.measure(ctx, run)
		if err != nil {
			bar.finish()
			return err
		}
		all = append(all, measured...)
	}
	bar.finish()
	return c.result(benchResult{all}, func() { printMeasurements(c, all) })
}

// benchRuns returns every combination of the engines, devices and dtypes that the flags list, checked before anything is measured.
func (f engineFlags) benchRuns() ([]benchRun, error) {
	var runs []benchRun
	for _, name := range strings.Split(f.engine, ",") {
		for _, device := range strings.Split(f.device, ",") {
			for _, dtype := range strings.Split(f.dtype, ",") {
				run := benchRun{options: engine.Options{Device: device, Threads: f.threads}}
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
