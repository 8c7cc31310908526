package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves flags before the arguments, since the library stops at the first argument that is not a flag and people write
// `beitzoo convert SRC -o DST`. Words after "--" are arguments whatever they look like.
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

// takesValue tells whether the word after a flag belongs to it.
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
