package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/suggest"
)

// commands lists every command, in the order of the help.
func commands(c *console) []*cli.Command {
	return []*cli.Command{
		demoCommand(c),
		inspectCommand(c),
		convertCommand(c),
		diffCommand(c),
		verifyCommand(c),
		predictCommand(c),
		evalCommand(c),
		synthCommand(c),
		listCommand(c),
		showCommand(c),
		pullCommand(c),
		publishCommand(c),
		mirrorCommand(c),
		bundleCommand(c),
		manifestCommand(c),
		trustCommand(c),
		cacheCommand(c),
		siteCommand(c),
		benchCommand(c),
		doctorCommand(c),
		versionCommand(c),
		completionCommand(c),
	}
}

// newApp is the whole command line.
func newApp(c *console) *cli.App {
	app := cli.NewApp()
	app.Name = "beitzoo"
	app.Usage = "convert, verify, pull and publish BEiT weights, exactly"
	app.HideVersion = true
	app.EnableBashCompletion = true
	app.Reader, app.Writer, app.ErrWriter = c.in, c.out, c.err
	app.Commands = commands(c)
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = usageProblem
	app.CommandNotFound = nil
	app.Action = func(ctx *cli.Context) error { return noCommand(ctx) }
	for _, command := range app.Commands {
		command.OnUsageError = usageProblem
		for _, sub := range command.Subcommands {
			sub.OnUsageError = usageProblem
		}
	}
	return app
}

// run runs one command line and gives the exit code.
func run(ctx context.Context, c *console, args []string) int {
	app := newApp(c)
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Canceled, err)
	}
	return c.report(err, slices.Contains(args, "--json"))
}

func usageProblem(ctx *cli.Context, err error, _ bool) error {
	name := "beitzoo"
	if ctx.Command != nil && ctx.Command.Name != "" && ctx.Command.Name != "beitzoo" {
		name += " " + ctx.Command.Name
	}
	return &usageError{err.Error(), fmt.Sprintf("see: %s --help", name)}
}

// noCommand is the program without a command, or with one that does not exist.
func noCommand(ctx *cli.Context) error {
	if !ctx.Args().Present() {
		return cli.ShowAppHelp(ctx)
	}
	var names []string
	for _, command := range ctx.App.Commands {
		names = append(names, command.Name)
	}
	word := ctx.Args().First()
	return &usageError{
		fmt.Sprintf("unknown command %q", word),
		suggest.Hint(suggest.Nearest(word, names), names),
	}
}
