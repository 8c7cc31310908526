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
)

// cells are the architectures and batch sizes of the comparison.
var cells = []struct {
	arch                             string
	batch, size, width, depth, heads int
}{
	{"beit_base_p16_224", 1, 224, 768, 12, 12},
	{"beit_base_p16_224", 8, 224, 768, 12, 12},
	{"beit_base_p16_384", 1, 384, 768, 12, 12},
	{"beit_large_p16_512", 1, 512, 1024, 24, 16},
}

// peers are the Python programs beside which the torch engine runs.
var peers = []string{"timm", "compile", "transformers"}

// benchEngines interleaves forward passes of the torch engine and of the peers, float32 on the CPU, with one thread and with two.
func benchEngines(ctx context.Context, b *bench) error {
	if b.torch == "" || b.python == "" {
		fmt.Println("left out: it needs a build with libtorch (make libtorch) and the Python peers (make interop)")
		return nil
	}
	fmt.Println("Median seconds of one forward pass, float32, CPU; in brackets as a ratio of timm. Below 1 is faster than timm.")
	fmt.Printf("\n| model | batch | threads | timm | timm, torch.compile | transformers | beitzoo |\n|---|---|---|---|---|---|---|\n")
	for _, threads := range []int{1, 2} {
		for _, cell := range cells {
			numbers := []string{strconv.Itoa(cell.batch), strconv.Itoa(threads)}
			var commands [][]string
			for _, kind := range peers {
				shape := []string{strconv.Itoa(cell.size), strconv.Itoa(cell.width), strconv.Itoa(cell.depth), strconv.Itoa(cell.heads)}
				commands = append(commands, slices.Concat([]string{b.python, "-W", "ignore", "build/bench/peer.py", kind}, numbers, shape))
			}
			commands = append(commands, []string{
				b.torch, "bench", cell.arch, "--synth", "--worker", "--engine", "torch", "--batch", numbers[0], "--threads", numbers[1],
			})
			seconds, err := interleave(ctx, commands, b.rounds)
			if err != nil {
				return err
			}
			fmt.Printf("| %s | %d | %d |", cell.arch, cell.batch, threads)
			for i, s := range seconds {
				if i == 0 {
					fmt.Printf(" %.3f |", s)
				} else {
					fmt.Printf(" %.3f (%.2f) |", s, s/seconds[0])
				}
			}
			fmt.Println()
		}
	}
	return nil
}

// worker is a program that runs one forward pass for each line it is sent.
type worker struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	seconds []float64
}

// interleave runs all commands at once, gives each its turn in every round, and returns their medians.
func interleave(ctx context.Context, commands [][]string, rounds int) ([]float64, error) {
	var workers []*worker
	defer func() {
		for _, w := range workers {
			w.in.Close()
			_ = w.command.Wait()
		}
	}()
	for _, command := range commands {
		w, err := startWorker(ctx, command)
		if err != nil {
			return nil, err
		}
		workers = append(workers, w)
	}
	for round := range rounds {
		turn := slices.Clone(workers)
		if round%2 == 1 {
			slices.Reverse(turn)
		}
		for _, w := range turn {
			if err := w.forward(); err != nil {
				return nil, err
			}
		}
	}
	medians := make([]float64, len(workers))
	for i, w := range workers {
		slices.Sort(w.seconds)
		medians[i] = w.seconds[len(w.seconds)/2]
	}
	return medians, nil
}

func startWorker(ctx context.Context, command []string) (*worker, error) {
	w := &worker{command: exec.CommandContext(ctx, command[0], command[1:]...)}
	w.command.Stderr = os.Stderr
	var err error
	if w.in, err = w.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewReader(out)
	if err := w.command.Start(); err != nil {
		return nil, err
	}
	for line := ""; line != "ready"; line = strings.TrimSpace(line) {
		if line, err = w.out.ReadString('\n'); err != nil {
			return nil, fmt.Errorf("%q did not get ready: %w", command, err)
		}
	}
	return w, nil
}

func (w *worker) forward() error {
	if _, err := io.WriteString(w.in, "\n"); err != nil {
		return err
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	w.seconds = append(w.seconds, seconds)
	return err
}
