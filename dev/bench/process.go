package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// contestant is a command line that is measured.
type contestant struct {
	name    string
	command []string
	// before runs, unmeasured, ahead of each round.
	before func()
	// rounds is how often at most; 0 means every round.
	rounds int
	walls  []time.Duration
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
	command.Stdout, command.Stderr = &out, &out
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
	c.walls = append(c.walls, wall)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, out.Bytes())
	}
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
			peak = max(peak, anonymous(pid))
		}
	}
}

// anonymous reads RssAnon of Linux's /proc/PID/status.
func anonymous(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "RssAnon:" {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

// median of the walls.
func (c *contestant) median() time.Duration {
	sorted := slices.Sorted(slices.Values(c.walls))
	return sorted[len(sorted)/2]
}

// table prints all contestants and each one's time as a ratio of the first one's.
func table(contestants []*contestant) {
	fmt.Println("| what | median | min | max | x first | peak anonymous memory |")
	fmt.Println("|---|---|---|---|---|---|")
	base := contestants[0].median()
	for _, c := range contestants {
		fmt.Printf("| %s | %.3f s | %.3f s | %.3f s | %.2f | %.0f MB |\n", c.name, c.median().Seconds(), slices.Min(c.walls).Seconds(),
			slices.Max(c.walls).Seconds(), c.median().Seconds()/base.Seconds(), float64(c.anonymous)/1e6)
	}
}

// machine describes where the figures were taken.
func machine() string {
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("Machine: %s, %d cores, %s/%s, %s.", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
