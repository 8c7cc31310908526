package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/suggest"
)

// Categories of commands. The help sorts them by name.
const (
	models  = "Models"
	theZoo  = "The zoo"
	machine = "This machine"
)

// commands lists every command, in the order of the help.
func commands(c *console) []*cli.Command {
	var all []*cli.Command
	for _, group := range []struct {
		category string
		commands []*cli.Command
	}{
		{models, []*cli.Command{inspectCommand(c), convertCommand(c), diffCommand(c), verifyCommand(c), predictCommand(c), evalCommand(c)}},
		{theZoo, []*cli.Command{
			listCommand(c), showCommand(c), pullCommand(c), publishCommand(c), yankCommand(c), deprecateCommand(c),
			mirrorCommand(c), bundleCommand(c), manifestCommand(c), trustCommand(c), cacheCommand(c), siteCommand(c),
		}},
		{machine, []*cli.Command{demoCommand(c), benchCommand(c), doctorCommand(c), synthCommand(c), versionCommand(c), completionCommand(c), helpCommand()}},
	} {
		for _, command := range group.commands {
			command.Category = group.category
			all = append(all, command)
		}
	}
	return all
}

// newApp returns the whole command line.
func newApp(c *console) *cli.App {
	app := cli.NewApp()
	app.Name, app.HelpName = "beitzoo", "beitzoo"
	app.Usage = "convert, verify, pull and publish BEiT weights, exactly"
	app.UsageText = "beitzoo COMMAND [arguments and flags in any order]"
	app.Description = "Begin with `beitzoo demo`. `beitzoo COMMAND --help` describes a command, with examples."
	app.HideVersion = true
	app.EnableBashCompletion = true
	app.Reader, app.Writer, app.ErrWriter = c.in, c.out, c.err
	app.Commands = commands(c)
	app.Flags = []cli.Flag{cli.HelpFlag} // the library adds it only to a program without a help command of its own
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = usageProblem
	app.Action = noCommand
	for _, command := range app.Commands {
		command.OnUsageError = usageProblem
		command.HideHelpCommand = true
		for _, sub := range command.Subcommands {
			sub.OnUsageError = usageProblem
			sub.HideHelpCommand = true
		}
		if len(command.Subcommands) > 0 {
			command.Action = noSubcommand
			command.UsageText = "beitzoo " + command.Name + " COMMAND [arguments and flags in any order]"
		}
	}
	return app
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, c *console, args []string) int {
	app := newApp(c)
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Canceled, err)
	}
	c.asJSON = c.asJSON || slices.Contains(args, "--json") // an error in the flags keeps the library from reading the rest
	return c.report(err)
}

// about joins the description of a command and examples of it.
func about(text string, examples ...string) string {
	return strings.TrimLeft(text+"\n\nExamples:\n\n   "+strings.Join(examples, "\n   "), "\n")
}

// usageProblem turns what the library says about flags into a usageError.
func usageProblem(ctx *cli.Context, err error, _ bool) error {
	name := "beitzoo"
	if ctx.Command != nil && ctx.Command.HelpName != "" {
		name = ctx.Command.HelpName
	}
	return &usageError{err.Error(), fmt.Sprintf("see: %s --help", name)}
}

// noCommand runs if no command is given, or one that does not exist.
func noCommand(ctx *cli.Context) error {
	if !ctx.Args().Present() {
		return cli.ShowAppHelp(ctx)
	}
	return unknownCommand(ctx.Args().First(), ctx.App.Commands)
}

// noSubcommand is the same for a command such as cache.
func noSubcommand(ctx *cli.Context) error {
	name := ctx.Args().First()
	if name == "help" { // beitzoo cache help prune
		name = ctx.Args().Get(1)
	}
	if name == "" {
		return cli.ShowSubcommandHelp(ctx)
	}
	if ctx.Args().First() != "help" || ctx.Command.Command(name) == nil {
		return unknownCommand(name, ctx.Command.Subcommands)
	}
	return cli.ShowCommandHelp(ctx, name)
}

func unknownCommand(word string, commands []*cli.Command) error {
	var names []string
	for _, command := range commands {
		names = append(names, command.Name)
	}
	return &usageError{fmt.Sprintf("unknown command %q", word), suggest.Hint(suggest.Nearest(word, names), names)}
}

// helpCommand takes the place of the library's, which exits with a code of its own if it does not know the command.
func helpCommand() *cli.Command {
	return &cli.Command{
		Name:        "help",
		Aliases:     []string{"h"},
		Usage:       "show the commands, or what one command does",
		ArgsUsage:   "[COMMAND]",
		Description: about("", "beitzoo help convert"),
		Action: func(ctx *cli.Context) error {
			name, app := ctx.Args().First(), ctx.Lineage()[1]
			switch {
			case name == "":
				return cli.ShowAppHelp(app)
			case ctx.App.Command(name) == nil:
				return unknownCommand(name, ctx.App.Commands)
			}
			return cli.ShowCommandHelp(app, name)
		},
	}
}
