package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// commandLine is a command line, taken apart before the library gets it. The library stops reading flags at the first argument, although people write
// `beitzoo convert SRC -o DST` (https://github.com/urfave/cli/issues/976); it takes the next flag for the value of a flag without one, and an empty value
// for a flag that is not given.
type commandLine struct {
	app *cli.App
	// path are the commands that the first words name, such as cache and prune. head are these words, after that of the program.
	path []*cli.Command
	head []string
	// flags are the words that are flags and their values, words all others.
	flags, words []string
}

// takeApart reads a command line, which begins with the name of the program.
func takeApart(app *cli.App, args []string) commandLine {
	l := commandLine{app: app, head: args[:min(1, len(args))]}
	rest := args[len(l.head):]
	for commands := app.Commands; len(rest) > 0; rest = rest[1:] {
		called := find(commands, rest[0])
		if called == nil {
			break
		}
		l.path, l.head, commands = append(l.path, called), append(slices.Clone(l.head), rest[0]), called.Subcommands
	}
	l.flags, l.words = split(rest, l.known())
	return l
}

// find returns the command of that name or alias, or nil.
func find(commands []*cli.Command, name string) *cli.Command {
	for _, command := range commands {
		if command.HasName(name) {
			return command
		}
	}
	return nil
}

// walk returns the commands that the first words name, and the other words.
func walk(commands []*cli.Command, words []string) (path []*cli.Command, rest []string) {
	for rest = words; len(rest) > 0; rest = rest[1:] {
		called := find(commands, rest[0])
		if called == nil {
			break
		}
		path, commands = append(path, called), called.Subcommands
	}
	return path, rest
}

// known returns the flags of the command that is called, or of the program.
func (l commandLine) known() []cli.Flag {
	if len(l.path) == 0 {
		return append([]cli.Flag{cli.HelpFlag}, l.app.Flags...)
	}
	return append([]cli.Flag{cli.HelpFlag}, l.path[len(l.path)-1].Flags...)
}

// called returns the words that call the command, such as "beitzoo cache prune".
func (l commandLine) called() string { return pathName(l.path) }

// pathName returns the words that call a command.
func pathName(path []*cli.Command) string {
	name := "beitzoo"
	for _, command := range path {
		name += " " + command.Name
	}
	return name
}

// has reports whether a flag is given.
func (l commandLine) has(name string) bool {
	return slices.ContainsFunc(l.given(), func(g givenFlag) bool { return g.flag != nil && slices.Contains(g.flag.Names(), name) })
}

// flagsFirst returns the words in an order that the library understands. Words after "--" are arguments whatever they look like.
func (l commandLine) flagsFirst() []string {
	sorted := append(slices.Clone(l.head), l.flags...)
	if len(l.words) > 0 {
		sorted = append(append(sorted, "--"), l.words...)
	}
	return sorted
}

// givenFlag is a flag on the command line.
type givenFlag struct {
	// word is how it was typed, without the value. flag is nil if there is none of that name.
	word string
	flag cli.Flag
	// value follows the word or an equals sign; hasValue tells an empty one from none.
	value    string
	hasValue bool
}

// given lists the flags of the command line.
func (l commandLine) given() []givenFlag {
	known := l.known()
	var all []givenFlag
	for i := 0; i < len(l.flags); i++ {
		word, value, joined := strings.Cut(l.flags[i], "=")
		g := givenFlag{word, flagNamed(known, strings.TrimLeft(word, "-")), value, joined}
		if takesValue(l.flags[i], known) && i+1 < len(l.flags) {
			i++
			g.value, g.hasValue = l.flags[i], true
		}
		all = append(all, g)
	}
	return all
}

// check returns an error about the flags that the library would not find, or would report in words of Go.
func (l commandLine) check() error {
	for _, g := range l.given() {
		if g.flag == nil {
			return l.unknownFlag(g.word)
		}
		documented, ok := g.flag.(cli.DocGenerationFlag)
		switch takes := ok && documented.TakesValue(); {
		case !takes && g.hasValue && g.value != "true" && g.value != "false":
			return &usageError{g.word + " takes no value", "write " + g.word + ", or leave it out"}
		case takes && !g.hasValue:
			return &usageError{g.word + " needs a value", "write: " + example(documented)}
		case takes && g.value == "":
			return &usageError{fmt.Sprintf("the value of %s is empty", g.word), fmt.Sprintf("write: %s; or leave out %s", example(documented), g.word)}
		case takes && strings.HasPrefix(g.value, "-") && flagNamed(l.known(), strings.TrimLeft(g.value, "-")) != nil:
			return &usageError{
				fmt.Sprintf("%s needs a value, and %s is a flag", g.word, g.value),
				fmt.Sprintf("write: %s; if %s is meant as the value: %s=%s", example(documented), g.value, g.word, g.value),
			}
		}
	}
	return nil
}

// example returns how a flag is written with its placeholder: "--output FILE".
func example(flag cli.DocGenerationFlag) string {
	return "--" + flag.Names()[0] + " " + placeholder(flag)
}

// unknownFlag returns the error for a flag that the command does not have.
func (l commandLine) unknownFlag(word string) error {
	var names []string
	for _, flag := range l.known() {
		if visible, ok := flag.(cli.VisibleFlag); !ok || visible.IsVisible() {
			names = append(names, flag.Names()...)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return len(name) == 1 })
	name := strings.TrimLeft(word, "-")
	hint := fmt.Sprintf("`%s --help` lists the flags", l.called())
	nearest := cmp.Or(synonym(flagSynonyms, name, names), suggest.Nearest(name, names))
	_, err := os.Stat(word)
	switch {
	case nearest != "":
		hint = fmt.Sprintf("did you mean --%s? %s", nearest, hint)
	case err == nil:
		hint = fmt.Sprintf("if it is a file, write ./%s; %s", word, hint)
	case len(l.path) == 0:
		hint = "flags come after the command: beitzoo COMMAND " + text.Shorten(word, 40)
	}
	return &usageError{"unknown flag " + text.Name(word), hint}
}

// flagNamed returns the flag of that name or alias, or nil.
func flagNamed(flags []cli.Flag, name string) cli.Flag {
	for _, flag := range flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
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
	documented, ok := flagNamed(known, name).(cli.DocGenerationFlag)
	return ok && documented.TakesValue()
}

// action returns the action of a command: it checks the number of arguments and calls run with them.
func action(run func(ctx context.Context, args []string) error) cli.ActionFunc {
	return func(ctx *cli.Context) error {
		args := ctx.Args().Slice()
		if err := checkArguments(ctx.Command.HelpName, ctx.Command.ArgsUsage, args); err != nil {
			return err
		}
		err := run(ctx.Context, args)
		if err != nil && ctx.IsSet("arch") {
			return &archGivenError{err}
		}
		return err
	}
}

// archGivenError is an error of a command that was told the architecture: its hint must not be to tell it.
type archGivenError struct{ err error }

func (e *archGivenError) Error() string { return e.err.Error() }
func (e *archGivenError) Unwrap() error { return e.err }

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
