package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
)

// engines lists what this build can run models with, best first.
func engines() []engine.Engine {
	return append(libtorchEngines(), native.Engine{})
}

// engineByName takes the word of the flag --engine; empty takes the best that this build has.
func engineByName(name string) (engine.Engine, error) {
	all := engines()
	if name == "" {
		return all[0], nil
	}
	at := slices.IndexFunc(all, func(e engine.Engine) bool { return e.Name() == name })
	switch {
	case at >= 0:
		return all[at], nil
	case name == "torch":
		return nil, &noLibtorchError{}
	}
	return nil, &usageError{fmt.Sprintf("unknown engine %q", name), "engines are torch and native"}
}

// noLibtorchError says that this build has no torch engine.
type noLibtorchError struct{}

func (*noLibtorchError) Error() string { return "this build of beitzoo has no libtorch engine" }
func (*noLibtorchError) Unwrap() error { return engine.ErrUnavailable }
func (*noLibtorchError) Hint() string {
	return "in a checkout: make libtorch && go build -tags libtorch ./cmd/beitzoo; or use --engine native"
}

// collectOften collects garbage when it is a fifth of the heap, unless the environment has GOGC, until the function that it gives is called.
// Verifying keeps the weights of several engines, in which the collector has nothing to look at, and makes activations of megabytes: with Go's
// default the garbage may grow as large as all weights together (large_512: 12.0 GB at most, with this 8.9 GB, in the same time).
func collectOften() (undo func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(20)
	return func() { debug.SetGCPercent(before) }
}
