package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves flags before the arguments, since people write `beitzoo convert SRC -o DST` and version 2 of urfave/cli stops reading flags at
// the first argument (https://github.com/urfave/cli/issues/976; version 3 reads them anywhere and makes this function superfluous). Words after "--" are arguments
// whatever they look like.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 2 || slices.Contains(args, "--generate-bash-completion") {
		return args
	}
	head, rest := 1, args[1:]
	known := app.Flags
	for commands := app.Commands; len(rest) > 0; head, rest = head+1, rest[1:] {
		at := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if at < 0 {
			break
		}
		commands, known = commands[at].Subcommands, commands[at].Flags
	}
	flags, words := split(rest, known)
	sorted := append(slices.Clone(args[:head]), flags...)
	if len(words) > 0 {
		sorted = append(append(sorted, "--"), words...)
	}
	return sorted
}

// split separates flags, with their values, from the other words.
func split(args []string, known []cli.Flag) (flags, words []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return flags, append(words, args[i+1:]...)
		case len(arg) < 2 || arg[0] != '-':
			words = append(words, arg)
		default:
			flags = append(flags, arg)
			if takesValue(arg, known) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		}
	}
	return flags, words
}

// takesValue reports whether the word after a flag belongs to it.
func takesValue(arg string, known []cli.Flag) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, flag := range known {
		if slices.Contains(flag.Names(), name) {
			documented, ok := flag.(cli.DocGenerationFlag)
			return ok && documented.TakesValue()
		}
	}
	return false
}

// action returns the action of a command: it checks the number of arguments and calls run with them.
func action(run func(ctx context.Context, args []string) error) cli.ActionFunc {
	return func(ctx *cli.Context) error {
		args := ctx.Args().Slice()
		if err := checkArguments(ctx.Command.HelpName, ctx.Command.ArgsUsage, args); err != nil {
			return err
		}
		return run(ctx.Context, args)
	}
}

// checkArguments compares the number of arguments with the ArgsUsage of a command, such as "FROM TO [NAME...]" or "SRC -o DST": words after the
// first flag in it are not arguments.
func checkArguments(command, usage string, args []string) error {
	hint := strings.TrimSpace(fmt.Sprintf("usage: %s %s", command, usage))
	most, many := 0, false
	for _, word := range strings.Fields(usage) {
		if strings.HasPrefix(word, "-") {
			break
		}
		if most >= len(args) && !strings.HasPrefix(word, "[") {
			return &usageError{strings.TrimSuffix(word, "...") + " is missing", hint}
		}
		most++
		many = many || strings.Contains(word, "...")
	}
	if len(args) > most && !many {
		return &usageError{fmt.Sprintf("unexpected argument %q", args[most]), hint}
	}
	return nil
}
