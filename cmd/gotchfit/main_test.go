package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
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
		{"help", context.Background(), []string{"-h"}, 0, "-cuda"},
		{"unknown flag", context.Background(), []string{"-nothing"}, exitUsage, "nothing"},
		{"unknown word", context.Background(), []string{"fletch"}, exitUsage, "wrong usage"},
		{"wrong value", context.Background(), []string{"-cuda", "perhaps"}, exitUsage, "-cuda"},
		{"no libtorch", context.Background(), []string{"-from", "LIBTORCH"}, exitLacking, "hint: type `make libtorch`"},
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
	if err == nil || explain(&output, err) != exitLacking || !strings.Contains(output.String(), "in a checkout of beitzoo") {
		t.Errorf("got %v: %s", err, output.String())
	}
}
