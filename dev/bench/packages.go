package main

import (
	"context"
	"os"
	"os/exec"
)

// goBenchmarks runs the benchmarks of a package that compare with peers inside of one process.
func goBenchmarks(pattern string, packages ...string) func(context.Context, *bench) error {
	return func(ctx context.Context, _ *bench) error {
		command := exec.CommandContext(ctx, "go", append([]string{"test", "-run", "^$", "-bench", pattern, "-benchtime", "1s"}, packages...)...)
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		return command.Run()
	}
}
