package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"github.com/beitzoo/beitzoo/internal/measure"
)

// contestant is a command line that is measured.
type contestant struct {
	name    string
	command []string
	// before runs, unmeasured, ahead of each round.
	before func()
	// rounds is the largest number of rounds in which it runs; 0 means every round.
	rounds int
	// seconds are the wall times of the rounds, and processor their CPU times, with those of the processes that the command started.
	seconds, processor []float64
	// outputs are what the rounds printed.
	outputs [][]byte
	// anonymous is the largest peak of memory that is not a mapped file, in bytes.
	anonymous int64
}

// compete runs all contestants in interleaved rounds.
func (b *bench) compete(ctx context.Context, contestants []*contestant) error {
	for round := range b.rounds {
		for _, c := range contestants {
			if c.rounds > 0 && round >= c.rounds {
				continue
			}
			if c.before != nil {
				c.before()
			}
			if err := c.measure(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *contestant) measure(ctx context.Context) error {
	command := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	var out bytes.Buffer
	var errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	start := time.Now()
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	watched := make(chan int64)
	go func() { watched <- watch(command.Process.Pid, ended) }()
	err := command.Wait()
	wall := time.Since(start)
	close(ended)
	c.anonymous = max(c.anonymous, <-watched)
	c.seconds = append(c.seconds, wall.Seconds())
	if err != nil {
		return fmt.Errorf("%s: %w\n%s%s", c.name, err, out.Bytes(), errs.Bytes())
	}
	c.processor = append(c.processor, (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Seconds())
	c.outputs = append(c.outputs, out.Bytes())
	return nil
}

// watch polls a process's anonymous memory until the process ends, and returns the peak in bytes.
func watch(pid int, ended <-chan struct{}) int64 {
	var peak int64
	for {
		select {
		case <-ended:
			return peak
		case <-time.After(2 * time.Millisecond):
			peak = max(peak, measure.Memory(pid, measure.Anonymous))
		}
	}
}

func (c *contestant) median() float64 { return measure.Median(c.seconds) }

// table prints all contestants and each one's time as a ratio of the first one's.
func table(contestants []*contestant) {
	fmt.Println("| what | median | min | max | x first | peak anonymous memory |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, c := range contestants {
		ratio := measure.Median(ratios(c.seconds, contestants[0].seconds))
		fmt.Printf("| %s | %.3f s | %.3f s | %.3f s | %.2f | %.0f MB |\n", c.name, c.median(), slices.Min(c.seconds), slices.Max(c.seconds), ratio, float64(c.anonymous)/1e6)
	}
}

// machine describes where the figures were taken.
func machine() string {
	model := cmp.Or(measure.Processor(), "unknown processor")
	return fmt.Sprintf("Machine: %s, %d cores, %s/%s, %s.", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
