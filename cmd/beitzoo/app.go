package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Categories of commands.
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
		{models, []*cli.Command{
			inspectCommand(c), convertCommand(c), diffCommand(c), verifyCommand(c), recordCommand(c), predictCommand(c), evalCommand(c),
			finetuneCommand(c), tokenizeCommand(c), mimCommand(c), reconstructCommand(c), segmentCommand(c), schemesCommand(c),
		}},
		{theZoo, []*cli.Command{
			listCommand(c), showCommand(c), pullCommand(c), publishCommand(c), yankCommand(c), deprecateCommand(c),
			mirrorCommand(c), bundleCommand(c), manifestCommand(c), trustCommand(c), keyCommand(c), cacheCommand(c), siteCommand(c),
		}},
		{machine, []*cli.Command{demoCommand(c), benchCommand(c), doctorCommand(c), synthCommand(c), versionCommand(c), completionCommand(c), manCommand(c), helpCommand(c)}},
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
	app.Reader, app.Writer, app.ErrWriter = c.in, c.out, c.err
	app.Commands = commands(c)
	app.Flags = []cli.Flag{cli.HelpFlag, &cli.BoolFlag{Name: "version", Aliases: []string{"v"}, DisableDefaultText: true, Usage: "print what the command version prints"}}
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = usageProblem
	app.Action = noCommand(c)
	for _, command := range app.Commands {
		command.OnUsageError = usageProblem
		command.HideHelpCommand = true
		for _, sub := range command.Subcommands {
			sub.OnUsageError = usageProblem
			sub.HideHelpCommand = true
		}
		if isGroup(command) {
			command.Action = noCommand(c, command)
			command.UsageText = "beitzoo " + command.Name + " COMMAND [arguments and flags in any order]"
		}
	}
	return app
}

// isGroup reports whether a command does nothing but hold others. One that takes arguments of its own may hold others, too: `beitzoo eval MODEL IMAGES`,
// `beitzoo eval merge`.
func isGroup(command *cli.Command) bool {
	return len(command.Subcommands) > 0 && command.ArgsUsage == ""
}

// run runs one command line, reports its error if it has one, and returns the exit code.
func run(ctx context.Context, c *console, args []string) int {
	return c.report(execute(ctx, c, args))
}

// execute runs one command line.
func execute(ctx context.Context, c *console, args []string) error {
	c.begin(args)
	err := runLine(ctx, c, args)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Canceled, err)
	}
	c.asJSON = c.asJSON || slices.Contains(args, "--json") // an error in the flags keeps the library from reading the rest
	return err
}

func runLine(ctx context.Context, c *console, args []string) error {
	app := newApp(c)
	if len(args) > 1 && args[1] == completeCommand {
		return answerCompletion(c, app, args[2:])
	}
	line := takeApart(app, args)
	c.line = line
	switch {
	case line.has("help"):
		return c.showHelp(app, line.path)
	case len(line.path) == 0 && line.has("version"):
		c.asJSON = slices.Contains(args, "--json")
		return printVersion(c)
	}
	if err := line.check(); err != nil {
		return err
	}
	return app.RunContext(ctx, line.flagsFirst())
}

// about joins the description of a command and examples of it.
func about(text string, examples ...string) string {
	return strings.TrimLeft(text+"\n\nExamples:\n\n   "+strings.Join(examples, "\n   "), "\n")
}

// usageProblem turns what the library says about the value of a flag into a usageError.
func usageProblem(ctx *cli.Context, err error, _ bool) error {
	name, flags := "beitzoo", ctx.App.Flags
	if ctx.Command != nil && ctx.Command.HelpName != "" {
		name, flags = ctx.Command.HelpName, ctx.Command.Flags
	}
	if problem := valueProblem(flags, err.Error()); problem != nil {
		return problem
	}
	return &usageError{err.Error(), fmt.Sprintf("see: %s --help", name)}
}

// noCommand returns the action of the program, and of a command such as cache: it runs if no command below it is given, or one that does not exist.
func noCommand(c *console, path ...*cli.Command) cli.ActionFunc {
	return func(ctx *cli.Context) error {
		return c.helpFor(ctx.App, path, ctx.Args().Slice())
	}
}

// helpFor shows the help of the command that words name, below path; the word help among them changes nothing.
func (c *console) helpFor(app *cli.App, path []*cli.Command, words []string) error {
	if len(words) > 0 && words[0] == "help" {
		words = words[1:]
	}
	commands := app.Commands
	if len(path) > 0 {
		commands = path[len(path)-1].Subcommands
	}
	below, rest := walk(commands, words)
	if len(rest) == 0 {
		return c.showHelp(app, append(slices.Clone(path), below...))
	}
	if len(below) > 0 {
		path, commands = append(slices.Clone(path), below...), below[len(below)-1].Subcommands
	}
	return unknownCommand(app, path, rest[0], commands)
}

// unknownCommand returns the error for a word that is not one of the commands below path.
func unknownCommand(app *cli.App, path []*cli.Command, word string, commands []*cli.Command) error {
	if len(commands) == 0 {
		return &usageError{fmt.Sprintf("%s has no command %s", pathName(path), text.Quote(word)), fmt.Sprintf("see: %s --help", pathName(path))}
	}
	var names, everywhere []string
	for _, command := range commands {
		names = append(names, command.Name)
	}
	eachCommand(app.Commands, nil, func(path []*cli.Command) {
		everywhere = append(everywhere, strings.TrimPrefix(pathName(path), "beitzoo "))
	})
	problem := fmt.Sprintf("unknown command %s", text.Quote(word))
	if meant := cmp.Or(synonym(commandSynonyms, word, everywhere), suggest.Nearest(word, names)); meant != "" {
		return &usageError{problem, fmt.Sprintf("did you mean %s? `%s --help` lists the commands", meant, pathName(path))}
	}
	return &usageError{problem, fmt.Sprintf("`%s --help` lists the commands: %s", pathName(path), strings.Join(names, ", "))}
}

// eachCommand calls visit for each command and subcommand, with the commands that lead to it.
func eachCommand(commands []*cli.Command, above []*cli.Command, visit func(path []*cli.Command)) {
	for _, command := range commands {
		path := append(slices.Clone(above), command)
		visit(path)
		eachCommand(command.Subcommands, path, visit)
	}
}

// helpCommand takes the place of the library's, which exits with a code of its own if it does not know the command.
func helpCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:        "help",
		Aliases:     []string{"h"},
		Usage:       "show the commands, or what one command does",
		ArgsUsage:   "[COMMAND...]",
		Description: about("", "beitzoo help convert", "beitzoo help cache prune"),
		Action:      func(ctx *cli.Context) error { return c.helpFor(ctx.App, nil, ctx.Args().Slice()) },
	}
}
