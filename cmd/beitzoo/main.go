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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second Ctrl-C ends the process at once.
	code := run(ctx, newConsole(os.Stdin, os.Stdout, os.Stderr), os.Args)
	stop()
	os.Exit(code)
}
