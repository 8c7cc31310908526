package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
)

func TestExitCodes(t *testing.T) {
	t.Setenv("LIBTORCH", "")
	ended, end := context.WithCancel(context.Background())
	end()
	for _, c := range []struct {
		name      string
		ctx       context.Context
		arguments []string
		code      int
		says      string
	}{
		{"help", context.Background(), []string{"-h"}, 0, "gotchfit versions NAME"},
		{"unknown flag", context.Background(), []string{"-nothing"}, exitUsage, "nothing"},
		{"unknown word", context.Background(), []string{"fletch"}, exitUsage, "wrong usage"},
		{"unknown place", context.Background(), []string{"-from", "moon"}, exitUsage, `unknown place "moon"`},
		{"unknown version", context.Background(), []string{"versions", "newest"}, exitUsage, "versions takes one name"},
		{"wrong value", context.Background(), []string{"-cuda", "perhaps"}, exitUsage, "-cuda"},
		{"no libtorch", context.Background(), []string{"-from", "LIBTORCH"}, exitUnavailable, "hint: type `make libtorch`"},
		{"interrupted", ended, []string{"-from", "LIBTORCH"}, exitInterrupted, "interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			err := run(c.ctx, c.arguments, &stdout, &stderr)
			if err == nil {
				t.Fatal("no error")
			}
			if code := explain(&stderr, err); code != c.code {
				t.Errorf("exit code %d for %v", code, err)
			}
			if !strings.Contains(stderr.String(), c.says) {
				t.Errorf("it says:\n%s", stderr.String())
			}
		})
	}
}

func TestOutsideOfACheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	var output bytes.Buffer
	err := run(context.Background(), nil, &output, &output)
	if err == nil || explain(&output, err) != exitUnavailable || !strings.Contains(output.String(), "in a checkout of beitzoo") {
		t.Errorf("got %v: %s", err, output.String())
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	say := func(arguments ...string) string {
		var stdout bytes.Buffer
		if err := run(context.Background(), arguments, &stdout, io.Discard); err != nil {
			t.Fatal(err)
		}
		return stdout.String()
	}
	list := say("versions")
	for _, v := range libtorch.Versions() {
		if number := say("versions", v.Name); number != v.Number+"\n" || !strings.Contains(list, v.Name) || !strings.Contains(list, v.Number) {
			t.Errorf("version %s: %q in\n%s", v.Name, number, list)
		}
	}
}

// TestVersionsElsewhere makes sure that other files say the same versions as cmd/internal/libtorch/versions.go.
func TestVersionsElsewhere(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if requirements := read("dev/interop/requirements.txt"); !strings.Contains(requirements, "\ntorch=="+libtorch.Default+"\n") {
		t.Errorf("dev/interop/requirements.txt does not ask for torch==%s:\n%s", libtorch.Default, requirements)
	}
	docs := read("docs/libtorch.md")
	for _, v := range libtorch.Versions() {
		if row := "| " + v.Number + " | "; !strings.Contains(docs, row) {
			t.Errorf("docs/libtorch.md has no row %q in its table of versions", row)
		}
	}
	for _, path := range []string{"Makefile", "dev/libtorch.mk", "dev/gpu.mk", "dev/gpu.sh", "dev/full.mk", "dev/interop.sh", "dev/bench.sh"} {
		text := read(path)
		for _, v := range libtorch.Versions() {
			if strings.Contains(text, v.Number) {
				t.Errorf("%s repeats the version %s: it should ask gotchfit versions", path, v.Number)
			}
		}
	}
}
