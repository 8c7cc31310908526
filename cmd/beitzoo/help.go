package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// The library's own help breaks no lines, so texts are laid out here, for the width of the terminal.

// helpPage is a text that is being laid out.
type helpPage struct {
	strings.Builder
	width int
}

// The columns of the help. Shorter names of flags and commands have their description beside them.
const (
	helpIndent = 3
	helpColumn = 30
	// narrowest is the width below which texts are not squeezed further.
	narrowest = 50
)

// showHelp prints the help of the command at the end of path, or of the program if path is empty.
func (c *console) showHelp(app *cli.App, path []*cli.Command) error {
	page := &helpPage{width: c.textWidth()}
	if len(path) == 0 {
		page.program(app)
	} else {
		page.command(path)
	}
	_, err := c.out.Write([]byte(page.String()))
	return err
}

func (p *helpPage) program(app *cli.App) {
	p.section("NAME")
	p.paragraph(fmt.Sprintf("%s - %s", app.Name, app.Usage))
	p.section("USAGE")
	p.paragraph(app.UsageText)
	p.section("DESCRIPTION")
	p.paragraph(app.Description)
	p.commands(app.Commands)
	p.section("OPTIONS")
	p.flags(app.Flags)
}

func (p *helpPage) command(path []*cli.Command) {
	called := path[len(path)-1]
	p.section("NAME")
	p.paragraph(fmt.Sprintf("%s - %s", pathName(path), called.Usage))
	if len(called.Aliases) > 0 {
		p.paragraph("also: " + strings.Join(called.Aliases, ", "))
	}
	p.section("USAGE")
	p.paragraph(usageLine(path))
	description, examples := splitAbout(called.Description)
	if description != "" {
		p.section("DESCRIPTION")
		p.paragraph(description)
	}
	if len(examples) > 0 {
		p.section("EXAMPLES")
		for _, example := range examples {
			p.line(helpIndent, example) // never broken, so that it can be copied
		}
	}
	p.commands(called.Subcommands)
	flags := called.Flags
	if !slices.Contains(flags, cli.Flag(cli.HelpFlag)) {
		flags = append(slices.Clone(flags), cli.HelpFlag)
	}
	for _, category := range categoriesOf(flags) {
		p.section(cmp.Or(category, "Options"))
		p.flags(slices.DeleteFunc(slices.Clone(flags), func(f cli.Flag) bool { return categoryOf(f) != category }))
	}
}

// usageLine returns how a command is called.
func usageLine(path []*cli.Command) string {
	called := path[len(path)-1]
	if called.UsageText != "" {
		return called.UsageText
	}
	words := []string{pathName(path)}
	if called.ArgsUsage != "" {
		words = append(words, called.ArgsUsage)
	}
	if len(called.Flags) > 0 {
		words = append(words, "[flags]")
	}
	return strings.Join(words, " ")
}

// splitAbout takes apart what about joined.
func splitAbout(description string) (text string, examples []string) {
	text, list, _ := strings.Cut(description, "Examples:\n")
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); line != "" {
			examples = append(examples, line)
		}
	}
	return strings.TrimSpace(text), examples
}

// section starts a section of the page.
func (p *helpPage) section(title string) {
	if p.Len() > 0 {
		p.WriteByte('\n')
	}
	p.line(0, strings.ToUpper(title)+":")
}

func (p *helpPage) line(indent int, words string) {
	p.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+words, " ") + "\n")
}

// paragraph writes a text whose lines may be broken anywhere. Empty lines in it stay.
func (p *helpPage) paragraph(words string) {
	for i, part := range strings.Split(words, "\n\n") {
		if i > 0 {
			p.WriteByte('\n')
		}
		for _, line := range wrap(part, p.width-helpIndent) {
			p.line(helpIndent, line)
		}
	}
}

// commands lists commands by category.
func (p *helpPage) commands(commands []*cli.Command) {
	var categories []string
	for _, command := range commands {
		if !command.Hidden && !slices.Contains(categories, command.Category) {
			categories = append(categories, command.Category)
		}
	}
	for _, category := range categories {
		p.section(cmp.Or(category, "Commands"))
		for _, command := range commands {
			if !command.Hidden && command.Category == category {
				p.entry(strings.Join(command.Names(), ", "), command.Usage)
			}
		}
	}
}

func (p *helpPage) flags(flags []cli.Flag) {
	for _, flag := range flags {
		if visible, ok := flag.(cli.VisibleFlag); ok && visible.IsVisible() {
			p.entry(flagNames(flag), flagText(flag))
		}
	}
}

// entry writes names and, beside or below them, what they mean.
func (p *helpPage) entry(names, meaning string) {
	lines := wrap(meaning, p.width-helpColumn)
	if gap := helpColumn - helpIndent - utf8.RuneCountInString(names); gap >= 2 && len(lines) > 0 {
		p.line(helpIndent, names+strings.Repeat(" ", gap)+lines[0])
		lines = lines[1:]
	} else {
		p.line(helpIndent, names)
	}
	for _, line := range lines {
		p.line(helpColumn, line)
	}
}

// flagNames returns the names of a flag with what they take: "-o FILE, --output FILE".
func flagNames(flag cli.Flag) string {
	var names []string
	for _, name := range flag.Names() {
		names = append(names, dashed(name))
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(len(strings.TrimLeft(a, "-")), 1) - cmp.Compare(len(strings.TrimLeft(b, "-")), 1)
	})
	joined := strings.Join(names, ", ")
	if documented, ok := flag.(cli.DocGenerationFlag); ok && documented.TakesValue() {
		joined += " " + placeholder(documented)
	}
	return joined
}

// flagText returns what a flag means, its default, and the variable that stands for it.
func flagText(flag cli.Flag) string {
	documented, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	_, words := unquoteUsage(documented.GetUsage())
	if standard := documented.GetDefaultText(); standard != "" && documented.TakesValue() {
		words += " (default: " + strings.Trim(standard, `"`) + ")"
	}
	if list, ok := flag.(cli.DocGenerationSliceFlag); ok && list.IsSliceFlag() {
		words += " (may be repeated)"
	}
	for _, variable := range documented.GetEnvVars() {
		words += " [$" + variable + "]"
	}
	return words
}

// placeholder returns what stands for the value of a flag in the help.
func placeholder(flag cli.DocGenerationFlag) string {
	name, _ := unquoteUsage(flag.GetUsage())
	return cmp.Or(name, "VALUE")
}

// unquoteUsage returns the word between backquotes in a description, and the description without the quotes.
func unquoteUsage(usage string) (quoted, words string) {
	before, rest, found := strings.Cut(usage, "`")
	quoted, after, closed := strings.Cut(rest, "`")
	if !found || !closed {
		return "", usage
	}
	return quoted, before + quoted + after
}

// categoriesOf lists the categories of flags in their order.
func categoriesOf(flags []cli.Flag) []string {
	var categories []string
	for _, flag := range flags {
		if category := categoryOf(flag); !slices.Contains(categories, category) {
			categories = append(categories, category)
		}
	}
	slices.SortStableFunc(categories, func(a, b string) int { return cmp.Compare(min(1, len(a)), min(1, len(b))) }) // those without a category come first
	return categories
}

func categoryOf(flag cli.Flag) string {
	if categorized, ok := flag.(cli.CategorizableFlag); ok {
		return categorized.GetCategory()
	}
	return ""
}

// wrap breaks a text into lines of at most width characters, between words. A longer word has a line of its own.
func wrap(words string, width int) []string {
	width = max(width, narrowestColumn)
	var lines []string
	line := ""
	for _, word := range strings.Fields(words) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
