//go:build unix && !race

package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// tokenizeTraining returns the arguments that write the tokens of the 1,437 training pictures of the digits, which are in a tar file.
func tokenizeTraining(path string, more ...string) []string {
	folder := filepath.Join("..", "..", "testdata", "tokenizer")
	args := []string{"tokenize", filepath.Join(folder, "digits_dvae.encoder.pkl"), filepath.Join(folder, "digits_train.tar.gz"), "-o", path, "--batch", "4", "--engine", "native", "--quiet"}
	return append(args, more...)
}

// TestTokenize_KilledAtAnyMoment kills tokenize at drawn moments, and resumes it: the file is that of a run that nobody killed, byte for byte, in both forms, and so
// is that which five parts make, of which one was killed. That takes the engine in plain Go, which computes the same bits in any batch.
func TestTokenize_KilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	drawn := rand.New(rand.NewPCG(14, 37))
	for _, ending := range []string{".safetensors", ".jsonl"} {
		undisturbed := filepath.Join(folder, "undisturbed"+ending)
		if out := succeed(t, tokenizeTraining(undisturbed)...); !strings.Contains(out, "tokens of 1437 pictures, 4 x 4 each of 32") {
			t.Fatal(out)
		}
		want, err := os.ReadFile(undisturbed)
		if err != nil {
			t.Fatal(err)
		}
		midway := 0
		for i := range 6 {
			if killAndResume(t, filepath.Join(folder, strconv.Itoa(i)+ending), want, drawn) {
				midway++
			}
		}
		if midway < 3 {
			t.Errorf("%s: only %d of 6 programs were killed in the middle of their work", ending, midway)
		}
		parts := []string{"tokenize", "merge", "-o", filepath.Join(folder, "merged"+ending)}
		for _, i := range drawn.Perm(5) {
			part := filepath.Join(folder, "part"+strconv.Itoa(i)+ending)
			shard := []string{"--shard", strconv.Itoa(i+1) + "/5"}
			if i == 0 {
				killed := program(t, tokenizeTraining(part, shard...)...)
				if err := killed.Start(); err != nil {
					t.Fatal(err)
				}
				signalAt(t, killed, part+".unfinished", 10_000, syscall.SIGKILL)
			}
			succeed(t, tokenizeTraining(part, shard...)...)
			parts = append(parts, part)
		}
		succeed(t, parts...)
		if got, err := os.ReadFile(filepath.Join(folder, "merged"+ending)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("five parts make another file, of %d and not %d bytes: %v", len(got), len(want), err)
		}
	}
}

// killAndResume kills tokenize when it has written a drawn number of bytes, resumes it, and compares the file. It reports whether something was left, and not all.
func killAndResume(t *testing.T, path string, want []byte, drawn *rand.Rand) bool {
	t.Helper()
	killed := program(t, tokenizeTraining(path)...)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	at := drawn.Int64N(140_000) // the lines so far; all of them are about as many bytes
	signalAt(t, killed, path+".unfinished", at, syscall.SIGKILL)
	left, err := os.Stat(path + ".unfinished")
	midway := err == nil && left.Size() > 0
	succeed(t, tokenizeTraining(path)...)
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("killed with %d bytes: resumed, %s has %d bytes, and not those of a run that was not killed: %v", at, filepath.Base(path), len(got), err)
	}
	return midway
}
