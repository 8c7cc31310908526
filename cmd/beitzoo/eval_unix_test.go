//go:build unix && !race

package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/internal/disk"
)

// signalAt sends a signal to a program that was started, when a file has some bytes, and waits for its end.
func signalAt(t *testing.T, running *exec.Cmd, path string, bytes int64, signal os.Signal) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		_ = running.Wait()
		close(ended)
	}()
	waitFor(t, path, bytes, ended)
	_ = running.Process.Signal(signal) // which is an error if it has ended
	<-ended
}

// waitFor waits until a file has some bytes, or a program has ended.
func waitFor(t *testing.T, path string, bytes int64, ended <-chan struct{}) {
	t.Helper()
	for range 60_000 {
		select {
		case <-ended:
			return
		default:
		}
		if info, err := os.Stat(path); err == nil && info.Size() >= bytes {
			return
		}
		time.Sleep(time.Millisecond / 2)
	}
	t.Fatalf("%s does not grow to %d bytes", path, bytes)
}

// TestEval_KilledAtAnyMoment kills evaluations at 20 drawn moments, and resumes them: the figures are those of one that was not, and so is the file. That takes the
// engine in plain Go, which computes the same bits in any batch.
func TestEval_KilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	args := func(path string) []string {
		return []string{"eval", "digits_p16_64", digitsImages(), "--predictions", path, "--batch", "4", "--engine", "native", "--quiet"}
	}
	undisturbed := filepath.Join(folder, "undisturbed.jsonl")
	if out := succeed(t, args(undisturbed)...); !strings.Contains(out, rightDigits) {
		t.Fatal(out)
	}
	want, err := os.ReadFile(undisturbed)
	if err != nil {
		t.Fatal(err)
	}
	drawn := rand.New(rand.NewPCG(20, 13))
	midway := 0
	for i := range 20 {
		path := filepath.Join(folder, "p"+string(rune('a'+i))+".jsonl")
		at := drawn.Int64N(int64(len(want)))
		killed := program(t, args(path)...)
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		signalAt(t, killed, path, at, syscall.SIGKILL)
		left, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) > 0 && len(left) < len(want) {
			midway++
		}
		out, err := program(t, args(path)...).Output()
		if err != nil || !strings.Contains(string(out), rightDigits) {
			t.Fatalf("killed with %d of %d bytes: %v\n%s", len(left), len(want), err, out)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("killed with %d of %d bytes: resumed, the file has %d, %v", len(left), len(want), len(got), err)
		}
	}
	if midway < 10 {
		t.Errorf("only %d of 20 programs were killed in the middle of their work", midway)
	}
}

// TestEval_Interrupted: Ctrl-C, or a terminal that is closed, prints the figures so far and says that they are not all; the next run goes on.
func TestEval_Interrupted(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]os.Signal{"Ctrl-C": os.Interrupt, "hangup": syscall.SIGHUP} {
		t.Run(name, func(t *testing.T) { testInterrupted(t, sent) })
	}
}

func testInterrupted(t *testing.T, sent os.Signal) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.jsonl")
	args := []string{"eval", "digits_p16_64", digitsImages(), "--predictions", path, "--batch", "1", "--workers", "1"}
	var out, errs bytes.Buffer
	var running *exec.Cmd
	for attempts := 0; attempts < 20 && (running == nil || running.ProcessState.Success()); attempts++ { // it may have been done before the signal came
		_ = os.Remove(path)
		running = program(t, append(args, "--json")...)
		out.Reset()
		errs.Reset()
		running.Stdout, running.Stderr = &out, &errs
		if err := running.Start(); err != nil {
			t.Fatal(err)
		}
		signalAt(t, running, path, 5000, sent)
	}
	var result struct {
		Images  int
		Partial string
		Notes   []string
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	if code := running.ProcessState.ExitCode(); code != exitInterrupted || result.Images == 0 || result.Images == 360 || !strings.Contains(result.Partial, " of 360 images") {
		t.Errorf("exit code %d, %+v\n%s", code, result, errs.String())
	}
	if !slices.Contains(result.Notes, "the same command goes on from here") {
		t.Errorf("%q", result.Notes)
	}
	resumed := program(t, args...)
	errs.Reset()
	resumed.Stderr = &errs
	if out, err := resumed.Output(); err != nil || !strings.Contains(string(out), rightDigits) || !strings.Contains(errs.String(), " already: the others follow") {
		t.Errorf("%v: %s%s", err, out, errs.String())
	}
}

// TestEval_TwoWriters: while a process writes to a file of predictions, no other does.
func TestEval_TwoWriters(t *testing.T) {
	t.Parallel()
	if !disk.LocksAreLocal(t.TempDir()) {
		t.Skip("the locks of this file system are not known to be reliable")
	}
	path := filepath.Join(t.TempDir(), "p.jsonl")
	held, err := disk.OpenAppend(path)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"eval", "digits_p16_64", digitsImages(), "--predictions", path}
	other := program(t, args...)
	if out, _ := other.CombinedOutput(); other.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "another process is writing to "+path+"\nhint: ") {
		t.Errorf("%s", out)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := program(t, args...).Output(); err != nil || !strings.Contains(string(out), rightDigits) {
		t.Errorf("%v: %s", err, out)
	}
}

// TestEval_Parts merges 7 parts in drawn orders.
func TestEval_Parts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var paths []string
	for _, part := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		path := filepath.Join(folder, part)
		succeed(t, "eval", "digits_p16_64", digitsImages(), "--shard", part+"/7", "--predictions", path)
		paths = append(paths, path)
	}
	drawn := rand.New(rand.NewPCG(7, 7))
	for range 5 {
		drawn.Shuffle(len(paths), func(i, k int) { paths[i], paths[k] = paths[k], paths[i] })
		if out := succeed(t, append([]string{"eval", "merge"}, paths...)...); !strings.Contains(out, rightDigits) {
			t.Errorf("%v: %s", paths, out)
		}
	}
}
