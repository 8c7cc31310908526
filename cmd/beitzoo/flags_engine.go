package main

import "github.com/urfave/cli/v2"

// engineFlags say what runs a model.
func engineFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "engine", Usage: "`torch` (libtorch) or native (plain Go); the best that this build has where not given"},
		&cli.StringFlag{Name: "device", Usage: "`cpu`, cuda or cuda:N"},
		&cli.StringFlag{Name: "dtype", Usage: "weights and activations in `f32`, f64, bf16 or f16"},
		&cli.IntFlag{Name: "threads", Usage: "threads of one forward pass; all cores where not given"},
	}
}
