package main

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/measure"
	"github.com/beitzoo/beitzoo/internal/text"
)

// cost is about what forward passes take on the CPU.
type cost struct {
	// operations are multiplications and additions, and scores the attention weights, of which each takes an exponential.
	operations, scores float64
	// bytes of memory.
	bytes float64
}

// costOf returns that of one image. libtorch makes the biases of each pair of tokens as a whole, and keeps them; the native engine makes them line by line.
func costOf(config arch.Config, engineName string, width int) cost {
	tokens, channels, hidden, heads := float64(config.Tokens()), float64(config.EmbedDim), float64(config.HiddenDim), float64(config.Heads)
	pixels := float64(config.Channels) * float64(config.ImageHeight) * float64(config.ImageWidth)
	blocks, size := float64(config.Depth), float64(width)
	c := cost{
		operations: 2*pixels*channels + blocks*(2*tokens*channels*(4*channels+2*hidden)+4*tokens*tokens*channels),
		scores:     blocks * heads * tokens * tokens,
		bytes:      size * (float64(config.Parameters()) + pixels + tokens*(6*channels+max(3*channels, hidden))),
	}
	if engineName != "torch" {
		return c
	}
	matrix := heads * tokens * tokens * size
	c.bytes += matrix // of the scores
	switch config.Bias {
	case arch.BlockBias:
		c.bytes += blocks * matrix
	case arch.SharedBias:
		c.bytes += matrix
	}
	return c
}

// What a core does in a second, measured with the native engine; processors are between half and several times as fast.
const (
	operationsPerSecond = 1.5e10
	scoresPerSecond     = 3e7
)

// longRun is how long a run must take to be announced.
const longRun = 30 * time.Second

// announceCost says what a long verification will take before it begins. The error is one of kind errdef.ErrUnavailable if the machine has not the memory. What
// a GPU does is not estimated.
func announceCost(c *console, config arch.Config, e engine.Engine, options engine.Options, images, passes int) error {
	if options.Device != "" && options.Device != "cpu" {
		return nil
	}
	const f32, f64 = 4, 8
	needed := costOf(config, e.Name(), f32).bytes + costOf(config, "native", f64).bytes
	if free := float64(measure.Available()); free > 0 && needed > free {
		return &unfitError{remedy{
			Problem: fmt.Sprintf("a forward pass with %d tokens needs about %s of memory, and %s are free", config.Tokens(), humanize.Bytes(uint64(needed)), humanize.Bytes(uint64(free))),
			Hint:    "with --engine native it needs least, and less at a smaller size: beitzoo convert --image-size SIZE; if the window is a guess, state it with --window HxW",
		}}
	}
	one := costOf(config, e.Name(), f32)
	cores := float64(cmp.Or(options.Threads, runtime.GOMAXPROCS(0)))
	seconds := float64(images*passes) * (one.operations/operationsPerSecond + one.scores/scoresPerSecond) / cores
	if took := time.Duration(seconds) * time.Second; took > longRun {
		c.remark(fmt.Sprintf("this takes about %s here: %s of %d tokens, in %d forward passes each", roughly(took), text.Count(images, "image", "images"), config.Tokens(), passes))
	}
	return nil
}

// roughly returns a duration in the unit that fits.
func roughly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds())/10*10)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}

// largeIndices is how many bytes of relative position indices are announced.
const largeIndices = 1e9

// announceSize says before it is written that most of a file will be relative position indices: their size grows with the fourth power of the image's.
func announceSize(c *console) func(size, beside int64) {
	return func(size, beside int64) {
		if beside > largeIndices && 2*beside > size {
			c.remark(fmt.Sprintf("the output has %s, %s of them relative position indices, as the names of this scheme want them; --to timm and --to canonical have none",
				humanize.Bytes(uint64(size)), humanize.Bytes(uint64(beside))))
		}
	}
}
