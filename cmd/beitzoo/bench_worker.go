package main

import (
	"bufio"
	"context"
	"time"

	"github.com/beitzoo/beitzoo/convert/synth"
	"github.com/beitzoo/beitzoo/zoo/arch"
	"github.com/beitzoo/beitzoo/zoo/engine"
)

// work runs one forward pass for each line of standard input and prints its seconds, so that a benchmark can interleave several programs
// without measuring their start. It says "ready" when it is warm.
func work(ctx context.Context, c *console, model engine.Model, config arch.Config, batch int) error {
	if _, err := benchBatch(ctx, model, config, batch, 1); err != nil {
		return err
	}
	c.printf("ready")
	input := engine.Input{Pixels: synth.Images(batch, config.ImageHeight, config.ImageWidth, 0)}
	lines := bufio.NewScanner(c.in)
	for lines.Scan() {
		start := time.Now()
		if _, err := model.Forward(ctx, input, nil); err != nil {
			return err
		}
		c.printf("%.6f", time.Since(start).Seconds())
	}
	return lines.Err()
}
