// Command gotchfit sets a checkout of beitzoo up for libtorch: it finds one, adapts gotch to it, and writes a go.work that uses the result.
//
//	gotchfit                  fit gotch to the first libtorch of $LIBTORCH, python3, the cache folder, the system
//	gotchfit fetch            first get a libtorch from the package index, into the cache folder, unless some place has one
//
// Afterwards plain `go build -tags libtorch ./...` works, with no environment variables. Running it again costs a second.
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
)

// The exit codes are those of beitzoo.
const (
	exitUsage       = 2
	exitLacking     = 6
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

// explain says what went wrong and what to do about it, and gives the exit code.
func explain(w io.Writer, err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w, "gotchfit: interrupted; type the same again to go on")
		return exitInterrupted
	}
	fmt.Fprintln(w, "gotchfit:", err)
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		fmt.Fprintln(w, "hint:", hinter.Hint())
	}
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitLacking
}
