package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func TestFlagsFirst(t *testing.T) {
	app := &cli.App{Commands: []*cli.Command{
		{Name: "convert", Flags: []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}}, &cli.BoolFlag{Name: "prove"}}},
		{Name: "cache", Subcommands: []*cli.Command{{Name: "prune", Flags: []cli.Flag{&cli.BoolFlag{Name: "all"}}}}},
	}}
	for _, c := range []struct {
		name       string
		args, want []string
	}{
		{"value after argument", []string{"b", "convert", "A", "-o", "B", "--prove"}, []string{"b", "convert", "-o", "B", "--prove", "--", "A"}},
		{"equals sign", []string{"b", "convert", "A", "--output=B", "C"}, []string{"b", "convert", "--output=B", "--", "A", "C"}},
		{"switch takes no value", []string{"b", "convert", "--prove", "A"}, []string{"b", "convert", "--prove", "--", "A"}},
		{"subcommand", []string{"b", "cache", "prune", "A", "--all"}, []string{"b", "cache", "prune", "--all", "--", "A"}},
		{"after the dashes all are arguments", []string{"b", "convert", "--", "-o"}, []string{"b", "convert", "--", "-o"}},
		{"a dash alone is an argument", []string{"b", "convert", "-"}, []string{"b", "convert", "--", "-"}},
		{"no command", []string{"b"}, []string{"b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, takeApart(app, c.args).flagsFirst()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// runHere runs a command line and returns exit code, standard output and standard error. Not in parallel: the library keeps flags in global variables.
func runHere(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := &console{in: &bytes.Buffer{}, out: &stdout, err: &stderr, width: 80}
	code = run(context.Background(), c, append([]string{"beitzoo"}, args...))
	return code, stdout.String(), stderr.String()
}
