//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/internal/disk"
)

// program returns a command that runs this very program, for which TestMain has put one into the PATH.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("beitzoo")
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, args...)
}

// startWriting starts a program that writes a large file to folder, and waits until its partial file is there. It returns the name of that.
func startWriting(t *testing.T, folder, name string) (*exec.Cmd, string) {
	t.Helper()
	writer := program(t, "synth", "beit_base_p16_224", "-o", filepath.Join(folder, name), "--no-sync")
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = writer.Process.Kill()
		_ = writer.Wait()
	})
	for range 3000 {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			// A file with content has its lock: before that, another program may rightly take it for one that was left behind.
			if info, err := entry.Info(); err == nil && strings.HasPrefix(entry.Name(), "."+name) && info.Size() > 0 {
				return writer, filepath.Join(folder, entry.Name())
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the program does not write")
	return nil, ""
}

// TestKilled: what a killed program left beside its output is removed by the next one that writes to the folder, and what a running one writes is not.
func TestKilled(t *testing.T) {
	if !disk.LocksAreLocal(t.TempDir()) {
		t.Skip("the locks of this file system are not known to be reliable")
	}
	folder := t.TempDir()
	killed, left := startWriting(t, folder, "killed.pth")
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if _, err := os.Stat(left); err != nil {
		t.Fatalf("nothing was left to remove: %v", err)
	}
	running, partial := startWriting(t, folder, "running.pth")
	if err := running.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	out, err := program(t, "convert", testdata("tiny/tiny_p16_32.unilm.pth"), "-o", filepath.Join(folder, "next.pth")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the killed program left is still there: %v", err)
	}
	if _, err := os.Stat(partial); err != nil {
		t.Errorf("what the running program writes was removed: %v", err)
	}
	if err := running.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := running.Wait(); err != nil {
		t.Errorf("the program that was stopped: %v", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

// TestStandardOutput_Real: a result that cannot be written ends with 6 also where the system says so, and a closed pipe ends the program silently.
func TestStandardOutput_Real(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the system has no /dev/full")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	readOnly, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	tiny := testdata("tiny/tiny_p16_32.unilm.pth")
	for _, args := range [][]string{{"list"}, {"inspect", tiny}, {"inspect", tiny, "--tensors"}, {"diff", tiny, tiny}, {"version"}, {"--help"}, {"show", "digits_p16_64", "--yaml"}} {
		for name, out := range map[string]*os.File{"full": full, "read-only": readOnly} {
			var errs bytes.Buffer
			run := program(t, args...)
			run.Stdout, run.Stderr = out, &errs
			_ = run.Run()
			if code := run.ProcessState.ExitCode(); code != exitUnavailable || !strings.Contains(errs.String(), "standard output: ") || !strings.Contains(errs.String(), "\nhint: ") {
				t.Errorf("%q to a %s output: exit code %d, %s", args, name, code, errs.String())
			}
		}
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		var errs bytes.Buffer
		run := program(t, args...)
		run.Stdout, run.Stderr = writer, &errs
		_ = run.Run()
		writer.Close()
		if status, ok := run.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGPIPE || errs.Len() > 0 {
			t.Errorf("%q to a closed pipe: %v, %s", args, run.ProcessState, errs.String())
		}
	}
}
