//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPredict_Pipes: a named pipe and a device are pictures that cannot be read, and nothing waits for them.
func TestPredict_Pipes(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.png")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runHere(t, "predict", "digits_p16_64", pipe, "/dev/zero", filepath.Join(digitsImages(), "7", "005.png"))
	if code != exitInput || !strings.Contains(errs, "2 of 3 images could not be read") || strings.Count(errs, "is a pipe, device or socket") != 2 || !strings.Contains(out, "7 (class 7)") {
		t.Errorf("exit %d:\n%s%s", code, out, errs)
	}
}
