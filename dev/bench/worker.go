package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beitzoo/beitzoo/internal/measure"
)

// worker is a program that answers requests, one word on a line, with a line of numbers. It measures itself, so that its start and the pipes are
// not in the figures.
type worker struct {
	name    string
	command []string
	// request is what each round asks for.
	request string
	// answers are the numbers that it answered in each round; the first is what is measured.
	answers [][]float64
	// peak is the process's largest resident memory, in bytes.
	peak int64

	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts the program; await waits until it says that it is ready.
func (w *worker) start(ctx context.Context) error {
	w.process = exec.CommandContext(ctx, w.command[0], w.command[1:]...)
	w.process.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "HF_HUB_DISABLE_PROGRESS_BARS=1", "TRANSFORMERS_VERBOSITY=error")
	w.process.Stderr = os.Stderr
	in, err := w.process.StdinPipe()
	if err != nil {
		return err
	}
	out, err := w.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := w.process.Start(); err != nil {
		return err
	}
	w.in, w.out = in, bufio.NewReader(out)
	return nil
}

func (w *worker) await() error {
	for line := ""; line != "ready\n"; {
		var err error
		if line, err = w.out.ReadString('\n'); err != nil {
			return fmt.Errorf("%s did not get ready: %w", w.name, err)
		}
	}
	return nil
}

func (w *worker) stop() {
	if w.in != nil {
		w.in.Close()
		_ = w.process.Wait()
	}
}

// startAll starts the programs side by side and waits until all are ready, which takes Python and its compilers a while.
func startAll(ctx context.Context, workers []*worker) error {
	for _, w := range workers {
		if err := w.start(ctx); err != nil {
			return err
		}
	}
	for _, w := range workers {
		if err := w.await(); err != nil {
			return err
		}
	}
	return nil
}

// ask sends one request and returns the numbers of the answer.
func (w *worker) ask(request string) ([]float64, error) {
	if _, err := io.WriteString(w.in, request+"\n"); err != nil {
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", w.name, request, err)
	}
	var numbers []float64
	for word := range strings.FieldsSeq(line) {
		number, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", w.name, request, err)
		}
		numbers = append(numbers, number)
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("%s on %s: an empty answer", w.name, request)
	}
	return numbers, nil
}

// pause waits until the threads of the last worker sleep: they use the processor for a while after their work.
func pause() error {
	time.Sleep(50 * time.Millisecond)
	return nil
}

// Slow workers get fewer rounds: after leastRounds, no round begins later than enough after the first.
const (
	enough      = 2 * time.Minute
	leastRounds = 5
)

// interleave starts all workers, calls inspect with them, and then asks each worker once in every round. Every second round is in reverse order.
// Before each turn it calls before.
func interleave(ctx context.Context, workers []*worker, rounds int, inspect func([]*worker) error, before func() error) error {
	defer func() {
		for _, w := range workers {
			w.stop()
		}
	}()
	if err := startAll(ctx, workers); err != nil {
		return err
	}
	if err := inspect(workers); err != nil {
		return err
	}
	for round, start := 0, time.Now(); round < rounds && (round < leastRounds || time.Since(start) < enough); round++ {
		turn := slices.Clone(workers)
		if round%2 == 1 {
			slices.Reverse(turn)
		}
		for _, w := range turn {
			if err := before(); err != nil {
				return err
			}
			answer, err := w.ask(w.request)
			if err != nil {
				return err
			}
			w.answers = append(w.answers, answer)
			w.peak = measure.Memory(w.process.Process.Pid, measure.Peak)
		}
	}
	return nil
}

func (w *worker) median() float64 { return w.medianOf(0) }

// medianOf returns the median of the numbers at one place of the answers.
func (w *worker) medianOf(at int) float64 { return measure.Median(w.column(at)) }

// column returns the numbers at one place of the answers, one for each round.
func (w *worker) column(at int) (numbers []float64) {
	for _, answer := range w.answers {
		numbers = append(numbers, answer[at])
	}
	return numbers
}

// ratio returns the median of the ratios to another worker.
func (w *worker) ratio(other *worker) float64 {
	return measure.Median(ratios(w.column(0), other.column(0)))
}

// ratios returns the ratio of ours to theirs for each round. On a machine that is slow for minutes, the ratio of two medians can be that of a slow round
// to a fast one.
func ratios(ours, theirs []float64) []float64 {
	ratios := make([]float64, len(ours))
	for round := range ours {
		ratios[round] = ours[round] / theirs[round]
	}
	return ratios
}
