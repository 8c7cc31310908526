package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// The architecture and the batch of the section "tokenizer", which are those of BEiT's pre-training, where a batch is one of many.
const (
	tokenizer       = "dvae_encoder_112"
	tokenizerImages = 8
)

// benchTokenizer interleaves forward passes of OpenAI's module in torch and of both engines, float32 on the CPU, with one thread and with two.
func benchTokenizer(ctx context.Context, b *bench) error {
	if b.torch == "" || b.python == "" || b.unilm == "" {
		fmt.Println("left out: it needs a build with libtorch (make libtorch), Python (make interop) and UNILM=DIR, a checkout of microsoft/unilm, which has OpenAI's module")
		return nil
	}
	c := &comparison{bench: b}
	config, err := arch.ByName(tokenizer)
	if err != nil {
		return err
	}
	weights := c.file(tokenizer + ".safetensors")
	defer c.drop(tokenizer)
	if output, err := exec.CommandContext(ctx, c.beitzoo, "synth", tokenizer, "--seed", "0", "--to", "canonical", "-o", weights, "--no-sync").CombinedOutput(); err != nil {
		return fmt.Errorf("beitzoo synth: %w\n%s", err, output)
	}
	images, err := c.images(config, tokenizerImages)
	if err != nil {
		return err
	}
	fmt.Printf("Visual tokens of %d pictures of 112 x 112, float32, CPU, same weights and pictures; the tokens agree. Images a second, of the median time.\n\n", tokenizerImages)
	fmt.Println("| threads | rounds | OpenAI's module in torch | libtorch | plain Go | libtorch, in times of OpenAI's | plain Go, in times of libtorch | memory |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, threads := range []int{1, 2} {
		if err := c.tokenizerLine(ctx, weights, images, threads); err != nil {
			return err
		}
	}
	return nil
}

// tokenizerLine measures and prints a line of the table.
func (c *comparison) tokenizerLine(ctx context.Context, weights, images string, threads int) error {
	batch, count := strconv.Itoa(tokenizerImages), strconv.Itoa(threads)
	openai := &worker{name: "OpenAI's module", request: "forward", command: []string{
		c.python, "-W", "ignore", "dev/bench/tokenizer_peer.py", filepath.Join(c.unilm, "beit"), weights, images, batch, count,
	}}
	workers := []*worker{openai}
	for _, name := range []string{"torch", "native"} {
		workers = append(workers, &worker{name: name, request: "forward", command: []string{
			c.torch, "bench", weights, "--arch", tokenizer, "--worker", "--engine", name, "--batch", batch, "--threads", count,
		}})
	}
	if err := interleave(ctx, workers, c.rounds, sameTokens, pause); err != nil {
		return err
	}
	torch, native := workers[1], workers[2]
	fmt.Printf("| %d | %d |", threads, len(torch.answers))
	for _, w := range workers {
		fmt.Printf(" %.2f |", tokenizerImages/w.median())
	}
	fmt.Printf(" %.2f | %.2f |", torch.ratio(openai), native.ratio(torch))
	for _, w := range workers {
		fmt.Printf(" %.0f MB", float64(w.peak)/1e6)
	}
	fmt.Println(" |")
	return nil
}

// sameTokens asks all workers for their tokens, which warms them up. Of the many thousand codes two may be so close that rounding decides: one of a hundred.
func sameTokens(workers []*worker) error {
	var first []float64
	for _, w := range workers {
		tokens, err := w.ask("logits")
		if err != nil {
			return err
		}
		if first == nil {
			first = tokens
		}
		other := 0
		for i := range first {
			if len(tokens) != len(first) || tokens[i] != first[i] {
				other++
			}
		}
		if other > len(first)/100 {
			return fmt.Errorf("%s finds other tokens than %s: %d of %d", w.name, workers[0].name, other, len(first))
		}
		if other > 0 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d tokens are others\n", w.name, other, len(first))
		}
	}
	return nil
}
