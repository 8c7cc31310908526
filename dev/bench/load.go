package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/edsrzf/mmap-go"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// benchLoad compares loading large_512 into the torch engine with one copy of the file in memory, and then with loading it in Python.
func benchLoad(ctx context.Context, b *bench) error {
	if b.torch == "" {
		fmt.Println("left out: it needs a build with libtorch (make libtorch)")
		return nil
	}
	c := &comparison{bench: b}
	if err := c.weights(ctx, largeName); err != nil {
		return err
	}
	defer c.drop(largeName)
	path := c.file(largeName + ".safetensors")
	command := []string{b.torch, "bench", path, "--arch", largeName, "--worker", "--engine", "torch"}
	beitzoo := &worker{name: "`beitzoo`, open and load", command: command, request: "load"}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	copied := &worker{name: "one copy of the mapped file into fresh memory", command: []string{self, "-copy", path}, request: "copy"}
	if err := compare(ctx, b.rounds, copied, beitzoo); err != nil {
		return err
	}
	if b.python == "" {
		return nil
	}
	config, err := arch.ByName(largeName)
	if err != nil {
		return err
	}
	images, err := c.images(config, 1)
	if err != nil {
		return err
	}
	workers := []*worker{{name: beitzoo.name, command: command, request: "load"}}
	for _, way := range []struct{ kind, name string }{
		{"create", "timm's `create_model`, `safetensors`, `load_state_dict`"},
		{"load", "`safetensors`, `load_state_dict` into the same model again, whose memory is there"},
	} {
		workers = append(workers, &worker{name: way.name, request: "load", command: c.peer(way.kind, timmName(largeName), c.file(largeName), images, "1", "2")})
	}
	return compare(ctx, b.rounds, workers...)
}

// compare interleaves the workers and prints a table of their medians, also as ratios of the first one's.
func compare(ctx context.Context, rounds int, workers ...*worker) error {
	if err := interleave(ctx, workers, rounds, func([]*worker) error { return nil }, touchMemory); err != nil {
		return err
	}
	fmt.Print("| what | median | x the first |\n|---|---|---|\n")
	for _, w := range workers {
		fmt.Printf("| %s | %.3f s | %.2f |\n", w.name, w.median(), w.ratio(workers[0]))
	}
	fmt.Println()
	return nil
}

// touchMemory allocates memory, writes to it and frees it. In a virtual machine the host may have taken back what a process freed, and the next
// process that asks for it waits: without this, the order of the turns would decide.
func touchMemory() error {
	const size = min(4<<30, math.MaxInt)
	memory, err := mmap.MapRegion(nil, size, mmap.RDWR, mmap.ANON, 0)
	if err != nil {
		return err
	}
	for at := 0; at < size; at += os.Getpagesize() {
		memory[at] = 1
	}
	return memory.Unmap()
}

// copyWorker is a worker that measures memoryCopy.
func copyWorker(in io.Reader, out io.Writer, path string) error {
	fmt.Fprintln(out, "ready")
	for requests := bufio.NewScanner(in); requests.Scan(); {
		seconds, err := memoryCopy(path)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, seconds)
	}
	return nil
}

// memoryCopy returns the seconds of one copy of a mapped file, all of it in the page cache, into memory that the process did not have before.
func memoryCopy(path string) (seconds float64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	mapped, err := mmap.Map(file, mmap.RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, mapped.Unmap()) }()
	start := time.Now()
	fresh, err := mmap.MapRegion(nil, len(mapped), mmap.RDWR, mmap.ANON, 0)
	if err != nil {
		return 0, err
	}
	copy(fresh, mapped)
	return time.Since(start).Seconds(), fresh.Unmap()
}

// benchNative measures the engine in plain Go on one image.
func benchNative(ctx context.Context, b *bench) error {
	var workers []*worker
	for _, dtype := range []string{"f32", "f64"} {
		command := []string{b.beitzoo, "bench", "beit_base_p16_224", "--synth", "--worker", "--engine", "native", "--dtype", dtype, "--batch", "1"}
		workers = append(workers, &worker{name: dtype, request: "forward", command: command})
	}
	if err := interleave(ctx, workers, b.rounds, agreeWithin(dtypes[0].agreement), pause); err != nil {
		return err
	}
	for _, w := range workers {
		fmt.Printf("beit_base_p16_224, one image, all cores, %s: %.3f s\n\n", w.name, w.median())
	}
	return nil
}
