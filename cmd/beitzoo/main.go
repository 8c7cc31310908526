// Command beitzoo converts, verifies, pulls and publishes BEiT weights.
//
// Each command is a file cmd_*.go that parses arguments, calls a library and prints. What several commands share is in flags_*.go (groups of
// flags) and open.go (models and zoos that arguments name). The rules of the user interface are in console.go, the exit codes in exit.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := untilInterrupted()
	code := run(ctx, newConsole(os.Stdin, os.Stdout, os.Stderr), os.Args)
	stop()
	os.Exit(code)
}

// untilInterrupted returns a context that the first Ctrl-C, SIGTERM, or SIGHUP of a terminal that is closed ends; a second one ends the process at once. What comes
// within a moment of the first is the same wish: coreutils' timeout sends its signal to the process and then to the process group. Under nohup SIGHUP stays ignored.
func untilInterrupted() (context.Context, context.CancelFunc) {
	const moment = 300 * time.Millisecond
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() { time.AfterFunc(moment, stop) })
	return ctx, stop
}
