// Command gotchfit sets a checkout of beitzoo up for libtorch: it finds a libtorch, adapts gotch to it, and writes a go.work that uses the result.
//
//	gotchfit                  fit gotch to the first libtorch of $LIBTORCH, python3, the cache folder, the system
//	gotchfit fetch            first download a libtorch from the package index to the cache folder, if there is none in these places
//	gotchfit versions         list the versions of libtorch that beitzoo is tested with
//	gotchfit versions NAME    print the number of one of them
//
// Afterwards plain `go build -tags libtorch ./...` works, with no environment variables. Running it again takes a second.
//
// This package reads the flags and prints. The work is in cmd/internal: fit adapts gotch (fit/stub.go replaces what this libtorch does not have),
// libtorch finds an installation (libtorch/versions.go has the versions), wheel downloads one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/beitzoo/beitzoo/errdef"
)

// The exit codes mean what they do for beitzoo.
const (
	exitUsage       = 2
	exitUnavailable = 6
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		os.Exit(explain(os.Stderr, err))
	}
}

// explain prints an error and what to do about it, and returns the exit code. Whatever goes wrong, libtorch is not available afterwards.
func explain(w io.Writer, err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w, "gotchfit: interrupted; the same command resumes")
		return exitInterrupted
	}
	fmt.Fprintln(w, "gotchfit:", err)
	if hint := errdef.Hint(err); hint != "" {
		fmt.Fprintln(w, "hint:", hint)
	}
	if errors.Is(err, errdef.ErrUsage) {
		return exitUsage
	}
	return exitUnavailable
}
