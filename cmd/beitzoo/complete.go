package main

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/cmd/internal/shellline"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Completion: the script of a shell calls `beitzoo __complete SHELL ...` on each TAB, with the line up to the cursor or with the words in it. The answer
// says which words of ours may stand there, and whether files may; these the shell completes itself, since it alone knows how it quotes them. Neither
// the scripts nor the program ever run or expand anything that stands on the line.

// completeCommand is the word by which the scripts call the program. It is not a command of the tree: its arguments are not flags.
const completeCommand = "__complete"

// answer is what may stand where the cursor is.
type answer struct {
	words []proposal
	files files
	// head is the part of the word being typed that words do not replace: "--to=", or "cpu," of a list.
	head string
}

// proposal is a word, and what the shell shows beside it.
type proposal struct{ word, about string }

// files says which files may stand where the cursor is.
type files struct {
	any, folders bool
	// endings of the names, with their dots; nil is any.
	endings []string
}

// typedWords is a command line as far as it is typed.
type typedWords struct {
	// commands are all that there are, tree those that may follow.
	commands, tree []*cli.Command
	// command is nil before one is named.
	command *cli.Command
	// path names the command: "cache prune".
	path  string
	flags []cli.Flag
	// given are the values of flags, by the first name of the flag; "" for one without a value.
	given map[string][]string
	// arguments stand before the word that is being typed.
	arguments []string
	// awaits is the flag whose value is being typed; nil if there is none.
	awaits cli.Flag
	// onlyArguments is true after "--".
	onlyArguments bool
	// versioned is true if names of the zoo need their version.
	versioned bool
	word      string
}

// readTyped reads the words after the name of the program. The last one is being typed.
func readTyped(app *cli.App, words []string) *typedWords {
	t := &typedWords{commands: app.Commands, tree: app.Commands, flags: app.Flags, given: map[string][]string{}, word: words[len(words)-1]}
	path, before := walk(app.Commands, words[:len(words)-1])
	for _, command := range path {
		t.command, t.tree, t.flags = command, command.Subcommands, command.Flags
		t.path = strings.TrimSpace(t.path + " " + command.Name)
	}
	for ; len(before) > 0; before = before[1:] {
		word := before[0]
		switch {
		case t.onlyArguments || len(word) < 2 || word[0] != '-':
			t.arguments = append(t.arguments, word)
		case word == "--":
			t.onlyArguments = true
		default:
			before = t.readFlag(before)
		}
	}
	return t
}

// readFlag reads the flag that words begin with, and returns the words from its last one on.
func (t *typedWords) readFlag(words []string) []string {
	name, value, joined := strings.Cut(words[0], "=")
	flag := t.flagNamed(name)
	switch {
	case flag == nil:
	case joined:
		t.give(flag, value)
	case !takesValue(name, t.flags):
		t.give(flag, "")
	case len(words) == 1:
		t.awaits = flag
	default:
		t.give(flag, words[1])
		return words[1:]
	}
	return words
}

func (t *typedWords) give(flag cli.Flag, value string) {
	t.given[flag.Names()[0]] = append(t.given[flag.Names()[0]], value)
}

// flagNamed returns the flag that a word such as --to or -o names, or nil.
func (t *typedWords) flagNamed(word string) cli.Flag {
	return flagNamed(t.flags, strings.TrimLeft(word, "-"))
}

// complete returns what may stand where the cursor is. words are those after the name of the program; the last one is being typed.
func complete(app *cli.App, words []string) answer {
	t := readTyped(app, words)
	name, _, joined := strings.Cut(t.word, "=")
	dashed := !t.onlyArguments && strings.HasPrefix(t.word, "-")
	switch {
	case t.awaits != nil:
		return t.value(t.awaits, "").matching(t.word)
	case dashed && joined && t.flagNamed(name) != nil && takesValue(name, t.flags):
		return t.value(t.flagNamed(name), name+"=").matching(t.word)
	case dashed:
		return answer{words: t.flagWords()}.matching(t.word)
	case len(t.tree) > 0 && (t.command == nil || isGroup(t.command)):
		return answer{words: commandWords(t.tree)}.matching(t.word)
	case t.command == nil:
		return answer{}
	}
	return t.argument().matching(t.word)
}

// value returns what may stand for the value of a flag. head is what stands before it in the same word.
func (t *typedWords) value(flag cli.Flag, head string) answer {
	found, _ := flagValues(t.path, flag)
	if found.list != nil {
		typed := strings.TrimPrefix(t.word, head)
		head += typed[:strings.LastIndexByte(typed, ',')+1]
		given := strings.Split(typed, ",")
		unused := slices.DeleteFunc(found.list(t), func(p proposal) bool { return slices.Contains(given[:len(given)-1], p.word) })
		return answer{words: unused, head: head}
	}
	return found.answer(t, head)
}

// argument returns what may stand for an argument; where the command takes no more of them, its flags.
func (t *typedWords) argument() answer {
	placeholders := argumentPlaceholders(t.command.ArgsUsage)
	may := placeholders[min(len(t.arguments), len(placeholders)):]
	if repeated := slices.IndexFunc(placeholders, func(p string) bool { return strings.Contains(p, "...") }); repeated >= 0 && repeated < len(t.arguments) {
		may = placeholders[repeated:] // it, or what follows it
	} else if len(may) > 0 {
		may = may[:1]
	}
	var all answer
	for _, placeholder := range may {
		found, _ := argumentValues(t.path, placeholder)
		t.versioned = strings.Contains(placeholder, "@VERSION") && !strings.Contains(placeholder, "[@VERSION]")
		one := found.answer(t, "")
		all.words, all.files = append(all.words, one.words...), one.files
	}
	switch {
	case t.onlyArguments:
	case len(may) == 0:
		all.words = t.flagWords()
	case len(t.arguments) == 0:
		all.words = append(all.words, commandWords(t.tree)...)
	}
	return all
}

// flagWords lists the flags that may still be given.
func (t *typedWords) flagWords() []proposal {
	var all []proposal
	flags := slices.Clip(t.flags)
	if flagNamed(flags, "help") == nil {
		flags = append(flags, cli.HelpFlag)
	}
	for _, flag := range flags {
		documented, ok := flag.(cli.DocGenerationFlag)
		if visible, hides := flag.(cli.VisibleFlag); !ok || hides && !visible.IsVisible() {
			continue
		}
		list, ok := flag.(cli.DocGenerationSliceFlag)
		repeatable := ok && list.IsSliceFlag()
		if len(t.given[flag.Names()[0]]) > 0 && !repeatable {
			continue
		}
		_, about := unquoteUsage(documented.GetUsage())
		for _, name := range flag.Names() {
			all = append(all, proposal{dashed(name), about})
		}
	}
	return all
}

// dashed returns the name of a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func commandWords(commands []*cli.Command) []proposal {
	var all []proposal
	for _, command := range commands {
		if !command.Hidden {
			all = append(all, proposal{command.Name, command.Usage})
		}
	}
	return all
}

// plainWord matches what means the same in every shell, quoted or not, and no line of an answer about files.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./@%+,=-][A-Za-z0-9_./:@%+,=-]*$`)

// matching leaves the proposals with which the word can be continued, and of these the ones that need no quoting. Should any other exist, such as an odd
// address of a place, it is better not offered: the word may stand inside quotes of any kind.
func (a answer) matching(word string) answer {
	rest := strings.TrimPrefix(word, a.head)
	a.words = slices.DeleteFunc(slices.Clone(a.words), func(c proposal) bool { return !strings.HasPrefix(c.word, rest) || !plainWord.MatchString(c.word) })
	slices.SortStableFunc(a.words, func(x, y proposal) int { return cmp.Compare(x.word, y.word) })
	a.words = slices.CompactFunc(a.words, func(x, y proposal) bool { return x.word == y.word })
	return a
}

// The answer is lines for the script of the shell: the proposals, with a tab before what is shown beside them, and then one line about files.
//
//	:none               only the proposals
//	:files [ENDING...]  files too; those with the endings, if there are any
//	:folders            folders too
//
// A proposal never begins with a colon.

// completionShells answer in the form that the script of each shell wants. arguments are those that the script passes.
var completionShells = map[string]func(app *cli.App, arguments []string) string{
	"bash": answerBash, "fish": answerFish, "zsh": answerZsh, "powershell": answerPowerShell,
}

func (f files) line() string {
	switch {
	case f.folders:
		return ":folders"
	case f.any:
		return strings.Join(append([]string{":files"}, f.endings...), " ")
	}
	return ":none"
}

// described writes the proposals, each with its head and its description.
func (a answer) described() string {
	var lines strings.Builder
	for _, c := range a.words {
		fmt.Fprintf(&lines, "%s%s\t%s\n", a.head, c.word, text.Line(strings.Join(strings.Fields(c.about), " ")))
	}
	return lines.String()
}

// answerBash is given the line up to the cursor, and bash's COMP_WORDBREAKS. Bash replaces only what stands behind the last of these characters, so that is
// all that it is told. It shows no descriptions. A line ":word WORD" says how the names of files must begin; without it bash has to complete files by its own
// means, which cannot mix them with words of ours.
func answerBash(app *cli.App, arguments []string) string {
	arguments = append(arguments, "", "")
	line, breaks := arguments[0], arguments[1]
	typed := shellline.Split(line, shellline.Bash)
	a := complete(app, afterProgram(typed.Words))
	word := typed.Words[len(typed.Words)-1]
	kept := typed.Open
	for _, at := range typed.Plain {
		switch {
		case strings.IndexByte(breaks, word[at]) < 0:
		case word[at] == '@': // begins the name of a host, for bash
			kept = max(kept, at)
		default:
			kept = max(kept, at+1)
		}
	}
	var lines strings.Builder
	for _, c := range a.words {
		if whole := a.head + c.word; len(whole) > kept {
			fmt.Fprintln(&lines, whole[kept:])
		}
	}
	if file := word[len(a.head):]; (a.files.any || a.files.folders) && kept == len(a.head) && !typed.Expands && !strings.Contains(file, "\n") {
		fmt.Fprintln(&lines, ":word "+file)
	}
	return lines.String() + a.files.line() + "\n"
}

// answerFish is given the line up to the cursor.
func answerFish(app *cli.App, arguments []string) string {
	line := append(arguments, "")[0]
	a := complete(app, afterProgram(shellline.Split(line, shellline.Fish).Words))
	return a.described() + a.files.line() + "\n"
}

// answerZsh is given the words after the program. Behind a flag and an equals sign, which a line ":head" announces, the candidates are only what follows.
func answerZsh(app *cli.App, arguments []string) string {
	if len(arguments) == 0 {
		arguments = []string{""}
	}
	a := complete(app, arguments)
	_, rest, joined := strings.Cut(a.head, "=")
	if !joined {
		return a.described() + a.files.line() + "\n"
	}
	a.head = rest
	return ":head\n" + a.described() + a.files.line() + "\n"
}

// answerPowerShell is given the words after the program, with a zero byte between them, as the base64 of their UTF-8: old versions of PowerShell lose
// empty arguments and quotes. Names of files follow a line ":head HEAD" as in answerBash.
func answerPowerShell(app *cli.App, arguments []string) string {
	decoded, err := base64.StdEncoding.DecodeString(append(arguments, "")[0])
	if err != nil {
		return files{}.line() + "\n"
	}
	a := complete(app, strings.Split(string(decoded), "\x00"))
	return a.described() + ":head " + a.head + "\n" + a.files.line() + "\n"
}

// afterProgram leaves out the name of the program, which may be all that is typed.
func afterProgram(words []string) []string {
	if len(words) == 1 {
		return []string{""}
	}
	return words[1:]
}
