package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/cmd/internal/manpage"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// manResult is what `beitzoo man -o FOLDER --json` prints, and manPage what it prints without a folder.
type manResult struct {
	Files []string `json:"files"`
}

type manPage struct {
	Name string `json:"name"`
	Roff string `json:"roff"`
}

func manCommand(c *console) *cli.Command {
	var folder string
	return &cli.Command{
		Name:      "man",
		Usage:     "print a manual page, or write all of them",
		ArgsUsage: "[COMMAND]",
		Description: about("Without COMMAND it is the page about the whole program. The pages say what --help says, and are dated by the commit that the program was built\n"+
			"from, or by SOURCE_DATE_EPOCH. Put them where man looks for pages.",
			"beitzoo man -o ~/.local/share/man/man1",
			"beitzoo man convert | man -l -",
		),
		Flags: c.flags([]cli.Flag{outputFlag(&folder, "write all pages into this `FOLDER`, one for each command")}),
		Action: func(ctx *cli.Context) error {
			return action(func(_ context.Context, args []string) error { return writeManual(c, ctx.App, args, folder) })(ctx)
		},
	}
}

func writeManual(c *console, app *cli.App, args []string, folder string) error {
	switch {
	case folder != "" && len(args) > 0:
		return &usageError{"-o writes all pages, so no COMMAND can be given with it", "leave out -o, or " + args[0]}
	case folder != "":
		return writePages(c, app, folder)
	case len(args) == 0:
		return printPage(c, app.Name, programPage(app))
	}
	called := find(app.Commands, args[0])
	if called == nil {
		return unknownCommand(app, nil, args[0], app.Commands)
	}
	return printPage(c, pageName(called), commandPage(called))
}

func printPage(c *console, name string, page []byte) error {
	if c.asJSON {
		return c.json(manPage{name, string(page)})
	}
	_, err := c.out.Write(page)
	return err
}

func writePages(c *console, app *cli.App, folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	pages := map[string][]byte{"beitzoo": programPage(app)}
	for _, command := range app.Commands {
		if !command.Hidden {
			pages[pageName(command)] = commandPage(command)
		}
	}
	result := manResult{}
	for name, page := range pages {
		path := filepath.Join(folder, name+".1")
		if err := disk.WriteFile(path, page, 0o666); err != nil {
			return err
		}
		result.Files = append(result.Files, path)
	}
	slices.Sort(result.Files)
	return c.result(result, func() { c.printf("wrote  %d pages to %s", len(result.Files), folder) })
}

// pageName returns the name of the page about a command.
func pageName(command *cli.Command) string { return "beitzoo-" + command.Name }

// newPage begins a page.
func newPage(name, usage string) *manpage.Page {
	page := manpage.New(manpage.Heading{Name: name, Date: buildDate(), Source: "beitzoo " + strings.Trim(version().Version, "()")})
	page.Section("NAME")
	page.Paragraph(name + " - " + usage)
	return page
}

// buildDate returns the day of the commit that the program was built from, so that the same commit makes the same pages; or that of SOURCE_DATE_EPOCH, which
// those who make packages set. It is empty if neither is known.
func buildDate() string {
	if seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range build.Settings {
		if day, _, found := strings.Cut(setting.Value, "T"); found && setting.Key == "vcs.time" {
			return day
		}
	}
	return ""
}

// programPage returns the page about the whole program.
func programPage(app *cli.App) []byte {
	page := newPage(app.Name, app.Usage)
	page.Section("SYNOPSIS")
	page.Paragraph(app.UsageText)
	page.Section("DESCRIPTION")
	page.Paragraph(app.Description)
	page.Paragraph(outputRules)
	var pages []string
	categories := map[string]bool{}
	page.Section("COMMANDS")
	for _, command := range app.Commands {
		if command.Hidden {
			continue
		}
		if !categories[command.Category] {
			categories[command.Category] = true
			page.Subsection(command.Category)
		}
		page.Item(manpage.Bold(pageName(command))+manpage.Plain("(1)"), command.Usage)
		pages = append(pages, pageName(command))
	}
	page.Section("OPTIONS")
	manFlags(page, app.Flags, true)
	exitStatus(page)
	manEnvironment(page, variables)
	page.Section("FILES")
	for _, f := range userFiles {
		page.Item(manpage.Italic(f.name), f.meaning)
	}
	seeAlso(page, append(pages, "minisign")...)
	return page.Bytes()
}

// commandPage returns the page about a command, and about those below it.
func commandPage(command *cli.Command) []byte {
	page := newPage(pageName(command), command.Usage)
	page.Section("SYNOPSIS")
	path := []*cli.Command{command}
	if !isGroup(command) {
		page.Paragraph(synopsis(path))
	}
	for _, sub := range command.Subcommands {
		page.Paragraph(synopsis(append(path, sub)))
	}
	description, examples := splitAbout(command.Description)
	page.Section("DESCRIPTION")
	page.Paragraph(cmp.Or(description, sentence(command.Usage)))
	if len(command.Aliases) > 0 {
		page.Paragraph("Another name for it is `beitzoo " + strings.Join(command.Aliases, "` or `beitzoo ") + "`.")
	}
	if !isGroup(command) {
		page.Section("OPTIONS")
		manFlags(page, command.Flags, true)
	}
	if len(command.Subcommands) > 0 {
		page.Section("COMMANDS")
	}
	for _, sub := range command.Subcommands {
		subcommand(page, append(path, sub))
	}
	if len(examples) > 0 {
		page.Section("EXAMPLES")
		page.Example(examples...)
	}
	exitStatus(page)
	manEnvironment(page, slices.DeleteFunc(slices.Clone(variables), func(v variable) bool { return !v.isFor(command) }))
	seeAlso(page, "beitzoo")
	return page.Bytes()
}

// subcommand describes the command at the end of path.
func subcommand(page *manpage.Page, path []*cli.Command) {
	called := path[len(path)-1]
	page.Subsection(pathName(path))
	page.Paragraph(sentence(called.Usage))
	description, examples := splitAbout(called.Description)
	if description != "" {
		page.Paragraph(description)
	}
	manFlags(page, called.Flags, false)
	if len(examples) > 0 {
		page.Example(examples...)
	}
}

// synopsis returns how a command is called, with its name in bold.
func synopsis(path []*cli.Command) string {
	return "`" + pathName(path) + "`" + strings.TrimPrefix(usageLine(path), pathName(path))
}

// sentence makes a sentence of the usage of a command.
func sentence(usage string) string { return strings.ToUpper(usage[:1]) + usage[1:] + "." }

// manFlags describes flags in the order of the help, with subsections if titled is true.
func manFlags(page *manpage.Page, flags []cli.Flag, titled bool) {
	if flagNamed(flags, "help") == nil {
		flags = append(slices.Clip(flags), cli.HelpFlag)
	}
	for _, category := range categoriesOf(flags) {
		if titled && category != "" {
			page.Subsection(category)
		}
		for _, flag := range flags {
			if visible, ok := flag.(cli.VisibleFlag); ok && visible.IsVisible() && categoryOf(flag) == category {
				page.Item(flagTerm(flag), flagText(flag))
			}
		}
	}
}

// flagTerm sets the names of a flag in bold, and what it takes in italics.
func flagTerm(flag cli.Flag) manpage.Term {
	names := flagNames(flag)
	value := ""
	if documented, ok := flag.(cli.DocGenerationFlag); ok && documented.TakesValue() {
		value = placeholder(documented)
		names = strings.TrimSuffix(names, " "+value)
	}
	var term manpage.Term
	for i, name := range strings.Split(names, ", ") {
		if i > 0 {
			term += manpage.Plain(", ")
		}
		term += manpage.Bold(name)
	}
	if value != "" {
		term += manpage.Plain(" ") + manpage.Italic(value)
	}
	return term
}

func exitStatus(page *manpage.Page) {
	page.Section("EXIT STATUS")
	for _, exit := range exitMeanings {
		page.Item(manpage.Bold(strconv.Itoa(exit.code)), exit.meaning)
	}
}

func manEnvironment(page *manpage.Page, found []variable) {
	if len(found) == 0 {
		return
	}
	page.Section("ENVIRONMENT")
	for _, v := range found {
		page.Item(manpage.Bold(v.name), v.meaning)
	}
}

func seeAlso(page *manpage.Page, names ...string) {
	page.Section("SEE ALSO")
	for i, name := range names {
		names[i] = fmt.Sprintf("`%s`(1)", name)
	}
	page.Paragraph(strings.Join(names, ", "))
}

// outputRules are in the page about the program.
const outputRules = "Results go to standard output; progress, messages and errors to standard error. Each error has a line `hint:` that says what to do. With --json the " +
	"result is one JSON document, progress is one JSON event a line, and an error is one JSON object. An output file appears whole under its name, or not at all."

// variable is a variable, or several, of the environment. They concern commands that have one of the flags, or one of the names.
type variable struct {
	name, meaning   string
	flags, commands []string
}

// isFor reports whether the variable concerns a command, or one below it.
func (v variable) isFor(command *cli.Command) bool {
	return slices.Contains(v.commands, command.Name) || slices.ContainsFunc(v.flags, func(name string) bool { return flagNamed(command.Flags, name) != nil }) ||
		slices.ContainsFunc(command.Subcommands, v.isFor)
}

// variables has the variables that the program reads. A test compares it with docs/command-line.md.
var variables = []variable{
	{
		"BEITZOO_HOME", "the folder for cache and state; if not set, the folders that the system has for caches and settings",
		[]string{"zoo"},
		[]string{"cache", "trust", "key"},
	},
	{"BEITZOO_ZOO, BEITZOO_TRUST", "as --zoo and --trust", []string{"zoo"}, nil},
	{"BEITZOO_TOKEN", "a bearer token; only the host that --token-for names gets it. ~/.netrc is read, too", []string{"token-for"}, nil},
	{
		"HF_ENDPOINT, HF_TOKEN",
		"the hub for hf:// references, and the token for it, which no other host gets; also HF_TOKEN_PATH, HF_HOME, HF_HUB_OFFLINE and HF_HUB_DISABLE_IMPLICIT_TOKEN",
		[]string{"zoo"},
		nil,
	},
	{"DOCKER_CONFIG, REGISTRY_AUTH_FILE", "where docker and podman keep logins for registries", []string{"zoo"}, nil},
	{"BEITZOO_PASSWORD", "the password of the key that --sign names, or that key reads or makes", []string{"sign"}, []string{"key"}},
	{"BEITZOO_NEW_PASSWORD", "the new password of key change-password, and that of the new key of key rotate", nil, []string{"key", "change-password", "rotate"}},
	{"HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE", "as in other programs", []string{"zoo"}, nil},
}

// userFiles has the files and folders that the program uses unless BEITZOO_HOME is set, with their paths on Linux.
var userFiles = []struct{ name, meaning string }{
	{"~/.cache/beitzoo", "the weights that were pulled, by digest, and downloads that were interrupted; `beitzoo cache` looks after it. XDG_CACHE_HOME moves it"},
	{"~/.config/beitzoo", "the keys that are pinned for places, their latest indexes, and the digests of upstream checkpoints. XDG_CONFIG_HOME moves it"},
	{"~/.netrc", "logins for web servers"},
	{"~/.docker/config.json", "logins for registries, as docker and podman write them"},
}
