package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/urfave/cli/v2"
)

// everyCommand lists commands and subcommands by the words that call them.
func everyCommand() map[string]*cli.Command {
	all := map[string]*cli.Command{}
	for _, command := range commands(&console{}) {
		all[command.Name] = command
		for _, sub := range command.Subcommands {
			all[command.Name+" "+sub.Name] = sub
		}
	}
	return all
}

// TestCommands_Documented keeps the help and docs/command-line.md complete.
func TestCommands_Documented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "command-line.md"))
	if err != nil {
		t.Fatal(err)
	}
	for words, command := range everyCommand() {
		if top := strings.Fields(words)[0]; !strings.Contains(string(page), "`"+top) {
			t.Errorf("docs/command-line.md does not describe %s", top)
		}
		if command.Usage == "" || unicode.IsUpper(rune(command.Usage[0])) || command.Action == nil && len(command.Subcommands) == 0 {
			t.Errorf("%s: usage %q", words, command.Usage)
		}
		for _, flag := range command.Flags {
			checkFlagHelp(t, words, flag)
		}
	}
}

// checkFlagHelp refuses texts that the library makes up: "value" for what a flag takes, and defaults that say nothing. That a seed is 0 says something.
func checkFlagHelp(t *testing.T, command string, flag cli.Flag) {
	t.Helper()
	text := flag.String()
	names, _, _ := strings.Cut(text, "\t")
	if strings.Contains(names, " value") || strings.HasSuffix(text, "(default: false)") || strings.HasSuffix(text, "(default: 0)") && !strings.Contains(names, "seed") {
		t.Errorf("%s: %s", command, text)
	}
	if documented, ok := flag.(cli.DocGenerationFlag); !ok || documented.GetUsage() == "" {
		t.Errorf("%s: %s is not described", command, text)
	}
}

// TestExamples_CommandLines: the examples in the help of each command name flags that there are, and as many arguments as the command takes.
func TestExamples_CommandLines(t *testing.T) {
	all := everyCommand()
	for words, command := range all {
		_, examples, found := strings.Cut(command.Description, "Examples:\n")
		if !found {
			t.Errorf("%s has no example", words)
		}
		for line := range strings.Lines(examples) {
			line = strings.TrimSpace(line)
			if at := strings.IndexAny(line, ">|"); at >= 0 { // the rest is the shell's
				line = line[:at]
			}
			if line == "" {
				continue
			}
			args := strings.Fields(line)
			if args[0] != "beitzoo" {
				t.Errorf("%s: %q is not a command line of beitzoo", words, line)
				continue
			}
			args = args[1:]
			called := all[args[0]]
			rest := args[1:]
			if len(rest) > 0 && all[args[0]+" "+rest[0]] != nil {
				called, rest = all[args[0]+" "+rest[0]], rest[1:]
			}
			if called == nil {
				t.Errorf("%s: %q calls no command", words, line)
				continue
			}
			given, arguments := split(rest, called.Flags)
			for _, word := range given {
				known := func(f cli.Flag) bool { return slices.Contains(f.Names(), strings.TrimLeft(word, "-")) }
				if strings.HasPrefix(word, "-") && !slices.ContainsFunc(called.Flags, known) {
					t.Errorf("%s: %q has the unknown flag %s", words, line, word)
				}
			}
			if err := checkArguments(args[0], called.ArgsUsage, arguments); err != nil {
				t.Errorf("%s: %q: %v", words, line, err)
			}
		}
	}
}
