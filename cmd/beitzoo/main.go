// Command beitzoo converts, verifies, pulls and publishes BEiT weights.
//
// Each command is one file that parses arguments, calls one library function and prints. Results go to standard output, progress and
// messages to standard error; the exit codes are in exit.go. Only main ends the process.
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
